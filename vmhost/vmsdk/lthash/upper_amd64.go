package lthash

import "golang.org/x/sys/cpu"

// clearUpper zeroes the upper halves of the vector registers.
func clearUpper()

// rest leaves the processor as other code expects it. BLAKE3's AVX-512 function returns with the upper halves of the
// registers in use; until they are cleared, every SSE instruction, those of SHA-256 first, waits for them: it took ten
// times as long.
func rest() {
	if cpu.X86.HasAVX {
		clearUpper()
	}
}
