package collatorv1

import "fmt"

// The names of the two protocols.
const (
	// ToValidators is that of what collators say to candidate-selection.
	ToValidators = "collations"
	// ToCollators is that of what candidate-selection asks and tells collators.
	ToCollators = "collators"
)

// MaxPart is the length in bytes of the longest part of a proof that is sent at once.
const MaxPart = 1 << 20

const hashSize = 32

func hash(name string, b []byte) error {
	if len(b) != hashSize {
		return fmt.Errorf("%s has %d bytes, not %d", name, len(b), hashSize)
	}
	return nil
}

// Validate checks what can be checked without knowing the sender.
func (m *ToValidator) Validate() error {
	switch k := m.GetKind().(type) {
	case *ToValidator_Declare:
		return hash("a collator's key", k.Declare.GetCollator())
	case *ToValidator_Advertise:
		return nil // its receipt is read, and so checked, by who knows candidates
	}
	return fmt.Errorf("a message without content, or of a kind unknown here")
}

// Validate checks what can be checked without knowing the candidate.
func (m *ToCollator) Validate() error {
	switch k := m.GetKind().(type) {
	case *ToCollator_Outcome:
		return hash("a candidate's hash", k.Outcome.GetCandidate())
	case *ToCollator_Declare:
		return nil
	}
	return fmt.Errorf("a message without content, or of a kind unknown here")
}

// Validate checks what can be checked without the proof.
func (r *PartRequest) Validate() error {
	if n := r.GetLength(); n == 0 || n > MaxPart {
		return fmt.Errorf("a part has 1 to %d bytes, not %d", MaxPart, n)
	}
	return hash("a candidate's hash", r.GetCandidate())
}
