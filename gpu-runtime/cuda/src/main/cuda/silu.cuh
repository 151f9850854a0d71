// The activation of gated feed-forward.
#pragma once

DEVICE float silu(float x) { return __fdividef(x, 1.f + __expf(-x)); }
