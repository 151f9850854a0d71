"""Times greedy generation of Hugging Face transformers on the CPU over the rows of cpu_prompts.py, a fixed batch at a time.
Usage: peer_transformers.py CHECKPOINT PROMPTS.jsonl BATCH NEW_TOKENS {bfloat16|float32} [THREADS]
Prints one JSON object: output tokens a second with the prompt included, best of the batches after the first (which warms up)."""
import json, sys, time
import torch, transformers
from transformers import AutoModelForCausalLM

checkpoint, prompts, batch, new, dtype = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
torch.set_num_threads(int(sys.argv[6]) if len(sys.argv) > 6 else 2)
rows = [json.loads(line)["prompt_token_ids"] for line in open(prompts)]
model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=getattr(torch, dtype)).eval()
times = []
with torch.no_grad():
    for start in range(0, min(len(rows), 4 * batch) - batch + 1, batch):
        ids = torch.tensor(rows[start:start + batch])
        begin = time.perf_counter()
        out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, min_new_tokens=new, max_new_tokens=new, pad_token_id=0)
        times.append(time.perf_counter() - begin)
        assert out.shape[1] == ids.shape[1] + new
best = min(times[1:] or times)
print(json.dumps({"engine": f"transformers {transformers.__version__}", "dtype": dtype, "batch": batch, "seconds": round(best, 2),
                  "output_tok_s": round(batch * new / best, 1), "all_seconds": [round(t, 2) for t in times]}))
