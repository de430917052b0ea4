# The least that a trainer has to do: this one "trains" a string of letters by counting them.
echo "trial $METAQNN_TRIAL: $METAQNN_ARCHITECTURE" # no JSON: goes to the trial's log
a=$(printf %s "$METAQNN_ARCHITECTURE" | tr -cd a | wc -c)
epoch=1
while [ "$epoch" -le "$METAQNN_EPOCHS" ]; do
  echo "{\"epoch\": $epoch, \"score\": $((a * epoch))}"
  epoch=$((epoch + 1))
done
echo "{\"latency_ms\": $a.5}"
