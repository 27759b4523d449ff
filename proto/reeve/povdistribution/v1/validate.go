package povdistributionv1

import "fmt"

// MaxPart is the length in bytes of the longest part of a proof that is sent at once.
const MaxPart = 1 << 20

const hashSize = 32

// Validate checks what can be checked without the proof.
func (r *PartRequest) Validate() error {
	switch {
	case len(r.GetRelayParent()) != hashSize:
		return fmt.Errorf("a relay parent of %d bytes", len(r.GetRelayParent()))
	case len(r.GetPovHash()) != hashSize:
		return fmt.Errorf("a hash of %d bytes", len(r.GetPovHash()))
	case r.GetLength() == 0 || r.GetLength() > MaxPart:
		return fmt.Errorf("a part has 1 to %d bytes, not %d", MaxPart, r.GetLength())
	}
	return nil
}
