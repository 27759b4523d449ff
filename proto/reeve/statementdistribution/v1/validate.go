package statementdistributionv1

import (
	"bytes"
	"errors"
	"fmt"

	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// MaxStatements is how many statements one message between two nodes has at most.
const MaxStatements = 64

// Validate checks what can be checked without knowing the sender or the relay parent.
func (w *Wire) Validate() error {
	if w.GetStatements() == nil {
		return errors.New("a message without content, or of a kind unknown here")
	}
	return w.GetStatements().Validate()
}

// Validate checks the number of statements and that each Seconded has the receipt of a candidate of the relay parent.
func (s *Statements) Validate() error {
	if n := len(s.GetStatements()); n == 0 || n > MaxStatements {
		return fmt.Errorf("1 to %d statements come together, not %d", MaxStatements, n)
	}
	for _, signed := range s.GetStatements() {
		switch k := signed.GetStatement().GetKind().(type) {
		case *primitivesv1.Statement_SecondedHash:
			return errors.New("a candidate is seconded without its receipt")
		case *primitivesv1.Statement_Seconded:
			if !bytes.Equal(k.Seconded.GetDescriptor_().GetRelayParent(), s.GetRelayParent()) {
				return errors.New("a candidate of another relay parent is seconded")
			}
		}
	}
	return nil
}
