package engine

import (
	"errors"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// errContradiction is the cause of a halt that no VM has caused: more than a third of the stake has signed two stories.
var errContradiction = errors.New("validators with more than a third of the stake have signed contradicting votes")

// witness keeps what proves that a validator signed two things for one place, and tells the other validators.
type witness struct {
	sub  *subsystem.Sub
	send *sender
}

func (w *witness) accuse(a snowman.Accuse) {
	w.sub.Log.Warn("a validator has signed two votes for one place", "height", a.Height, "first", a.First, "second", a.Second)
}

func (w *witness) onEvidence(n primitives.NodeID, evidence []byte) {}
