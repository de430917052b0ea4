# Trains the network that METAQNN_ARCHITECTURE names with PyTorch, and reports a line after each epoch (docs/command.md).
import json, os, re, torch
from torch import nn

torch.manual_seed(int(os.environ["METAQNN_SEED"]))
device = "cuda" if os.environ["METAQNN_DEVICE"].startswith("cuda") else "cpu"

def module(kind, n):
    if kind == "C": return nn.Sequential(nn.LazyConv2d(n[0], n[1], n[2], n[1] // 2), nn.ReLU())
    if kind == "P": return nn.MaxPool2d(n[0], n[1])
    if kind == "FC": return nn.Sequential(nn.Flatten(), nn.LazyLinear(n[0]), nn.ReLU())
    if kind == "SM": return nn.Sequential(nn.Flatten(), nn.LazyLinear(n[0]))
    raise SystemExit(f"layer {kind} is not known here")

layers = re.findall(r"([A-Z]+)\(([\d,]+)\)", os.environ["METAQNN_ARCHITECTURE"])
net = nn.Sequential(*(module(kind, [int(n) for n in numbers.split(",")]) for kind, numbers in layers)).to(device)

# Pictures of 1x16x16 whose class is the quarter with a bright spot; put your own in their place.
labels = torch.arange(1200) % 4
images = torch.rand(1200, 1, 16, 16, generator=torch.Generator().manual_seed(1))
for image, label in zip(images, labels): image[0, 3 + 8 * (label // 2):6 + 8 * (label // 2), 3 + 8 * (label % 2):6 + 8 * (label % 2)] += 0.3
images, labels = images.to(device) - 0.5, labels.to(device)

net(images[:1])  # makes the lazy layers
optimizer = torch.optim.Adam(net.parameters(), 0.003)
for epoch in range(1, int(os.environ["METAQNN_EPOCHS"]) + 1):
    for batch in torch.randperm(1000).split(50):
        loss = nn.functional.cross_entropy(net(images[batch]), labels[batch])
        optimizer.zero_grad(); loss.backward(); optimizer.step()
    with torch.no_grad(): right = (net(images[1000:]).argmax(1) == labels[1000:]).float().mean()
    print(json.dumps({"epoch": epoch, "training_loss": loss.item(), "validation_accuracy": right.item()}), flush=True)
print(json.dumps({"parameters": sum(p.numel() for p in net.parameters())}))
