package timeout

import "github.com/reevenet/reeve/internal/primitives"

// BootstrapTracker knows which chains of a node are still bootstrapping. A chain that is added later opens it again.
type BootstrapTracker struct {
	behind map[primitives.Hash]bool
	ready  *PreemptionSignal
}

// NewBootstrapTracker begins with the chains of the node.
func NewBootstrapTracker(chains ...primitives.Hash) *BootstrapTracker {
	t := &BootstrapTracker{behind: make(map[primitives.Hash]bool), ready: new(PreemptionSignal)}
	for _, c := range chains {
		t.Add(c)
	}
	if len(chains) == 0 {
		t.ready.Preempt()
	}
	return t
}

// Add tells that a chain has begun to bootstrap. It opens the tracker again, with a new signal.
func (t *BootstrapTracker) Add(chain primitives.Hash) {
	t.behind[chain] = true
	if t.ready.Raised() {
		t.ready = new(PreemptionSignal)
	}
}

// Bootstrapped tells that a chain is done.
func (t *BootstrapTracker) Bootstrapped(chain primitives.Hash) {
	if delete(t.behind, chain); len(t.behind) == 0 {
		t.ready.Preempt()
	}
}

// IsBootstrapped tells whether all chains are done.
func (t *BootstrapTracker) IsBootstrapped() bool { return len(t.behind) == 0 }

// AllBootstrapped is the signal that is raised when all chains known now are done.
func (t *BootstrapTracker) AllBootstrapped() *PreemptionSignal { return t.ready }
