package driver

import (
	"errors"

	"google.golang.org/protobuf/proto"

	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// timeline is what a program has been told of the chains: up to which signal, and what it must take for true since. Its
// sequence never falls within an epoch of the overseer.
type timeline struct {
	sequence uint64
	chains   []*overseerv1.ChainSnapshot // in the order in which they were heard of
}

func timelineOf(s *overseerv1.Snapshot) timeline {
	return timeline{sequence: s.GetSequence(), chains: s.GetChains()}
}

func (t *timeline) snapshot() *overseerv1.Snapshot {
	return &overseerv1.Snapshot{Sequence: t.sequence, Chains: t.chains}
}

// chain is what is known of one chain.
func (t *timeline) chain(name string) *overseerv1.ChainSnapshot {
	for _, c := range t.chains {
		if c.Chain == name {
			return c
		}
	}
	c := &overseerv1.ChainSnapshot{Chain: name}
	t.chains = append(t.chains, c)
	return c
}

var errNameless = errors.New("a signal about a block doesn't name it")

// nameless tells whether a signal is about a block and doesn't say which. Whoever handles signals needn't ask.
func nameless(sig *overseerv1.Signal) bool {
	switch k := sig.GetKind().(type) {
	case *overseerv1.Signal_StartWork:
		return len(k.StartWork.GetHash()) == 0
	case *overseerv1.Signal_StopWork:
		return len(k.StopWork.GetHash()) == 0
	case *overseerv1.Signal_BlockFinalized:
		return len(k.BlockFinalized.GetHash()) == 0
	}
	return false
}

// apply notes that a signal is handled.
func (t *timeline) apply(sig *overseerv1.Signal) {
	t.sequence = max(t.sequence, sig.Sequence)
	switch k := sig.Kind.(type) {
	case *overseerv1.Signal_StartWork:
		c := t.chain(sig.Chain)
		c.Leaves = append(c.Leaves, k.StartWork)
	case *overseerv1.Signal_StopWork:
		c := t.chain(sig.Chain)
		for i, leaf := range c.Leaves {
			if string(leaf.Hash) == string(k.StopWork.Hash) {
				c.Leaves = append(c.Leaves[:i:i], c.Leaves[i+1:]...)
				break
			}
		}
	case *overseerv1.Signal_BlockFinalized:
		t.chain(sig.Chain).Finalized = k.BlockFinalized
	}
}

// until lists the signals that lead from here to a snapshot: finality, then the leaves that ended, then those that
// began, chain by chain.
func (t *timeline) until(s *overseerv1.Snapshot) (signals []*overseerv1.Signal) {
	for _, now := range s.GetChains() {
		for _, sig := range difference(t.chain(now.Chain), now) {
			sig.Sequence, sig.Chain = s.GetSequence(), now.Chain
			signals = append(signals, sig)
		}
	}
	return signals
}

func difference(old, now *overseerv1.ChainSnapshot) (signals []*overseerv1.Signal) {
	if f := now.Finalized; f != nil && !proto.Equal(f, old.Finalized) {
		signals = append(signals, &overseerv1.Signal{Kind: &overseerv1.Signal_BlockFinalized{BlockFinalized: f}})
	}
	for _, leaf := range old.Leaves {
		if !hasLeaf(now.Leaves, leaf.Hash) {
			stop := &overseerv1.StopWork{Hash: leaf.Hash}
			signals = append(signals, &overseerv1.Signal{Kind: &overseerv1.Signal_StopWork{StopWork: stop}})
		}
	}
	for _, leaf := range now.Leaves {
		if !hasLeaf(old.Leaves, leaf.Hash) {
			signals = append(signals, &overseerv1.Signal{Kind: &overseerv1.Signal_StartWork{StartWork: leaf}})
		}
	}
	return signals
}

func hasLeaf(leaves []*overseerv1.StartWork, hash []byte) bool {
	for _, leaf := range leaves {
		if string(leaf.Hash) == string(hash) {
			return true
		}
	}
	return false
}
