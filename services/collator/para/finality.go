package para

import (
	"slices"

	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// maxIncluded is how many included blocks may wait to be final; of more the oldest aren't told of.
const maxIncluded = 256

// finality tells which of the parachain's blocks are final: those that a final block of the relay chain has included.
// Which of a node's chains that is follows from the leaves on which is built.
type finality struct {
	told   func(candidate []byte)
	leaves map[string]string // of all chains: hash to chain
	last   map[string]final  // by chain
	chain  string            // the relay chain; empty: it isn't known yet
	wait   []inclusion
}

// final is the newest final block of a chain.
type final struct {
	hash   string
	number uint64
}

// inclusion is a block of the parachain that a block of the relay chain has included.
type inclusion struct {
	candidate []byte
	in        final
}

func newFinality(told func([]byte)) finality {
	return finality{told: told, leaves: map[string]string{}, last: map[string]final{}}
}

func (f *finality) signal(sig *overseerv1.Signal) {
	switch k := sig.GetKind().(type) {
	case *overseerv1.Signal_StartWork:
		f.leaves[string(k.StartWork.GetHash())] = sig.GetChain()
	case *overseerv1.Signal_StopWork:
		delete(f.leaves, string(k.StopWork.GetHash()))
	case *overseerv1.Signal_BlockFinalized:
		f.last[sig.GetChain()] = final{string(k.BlockFinalized.GetHash()), k.BlockFinalized.GetNumber()}
		f.look()
	}
}

// relay notes a leaf of the relay chain.
func (f *finality) relay(leaf []byte) {
	if chain, known := f.leaves[string(leaf)]; known && f.chain == "" {
		f.chain = chain
	}
}

func (f *finality) included(candidate []byte, in *primitivesv1.CollationIncluded) {
	f.wait = append(f.wait, inclusion{candidate, final{string(in.GetBlock()), in.GetNumber()}})
	f.wait = f.wait[max(0, len(f.wait)-maxIncluded):]
	f.look()
}

// look tells of what is final now. A block beside a final one is none: what it has included is another's to include.
func (f *finality) look() {
	last, known := f.last[f.chain]
	if !known {
		return
	}
	f.wait = slices.DeleteFunc(f.wait, func(i inclusion) bool {
		if i.in.number > last.number {
			return false
		}
		if i.in.number < last.number || i.in.hash == last.hash {
			f.told(i.candidate)
		}
		return true
	})
}
