package vmhost

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// maxPoison bounds what is remembered; the oldest is forgotten first.
const maxPoison = 256

// poison remembers bytes on which plugins have died as often as a call is repeated, so that a stranger who sends them again can't
// open the breaker. It is no verdict: the block may be valid, and the VM is at fault.
type poison struct {
	known map[primitives.Hash]struct{}
	order []primitives.Hash
}

func (p *poison) add(contents [][]byte) {
	if p.known == nil {
		p.known = make(map[primitives.Hash]struct{})
	}
	for _, c := range contents {
		id := primitives.HashOf(c)
		if _, known := p.known[id]; known || len(c) == 0 {
			continue
		}
		p.known[id] = struct{}{}
		p.order = append(p.order, id)
	}
	for len(p.order) > maxPoison {
		delete(p.known, p.order[0])
		p.order = p.order[1:]
	}
}

// hasOne tells whether plugins have died on one of the blocks.
func (p *poison) hasOne(contents [][]byte) bool {
	if len(p.known) == 0 {
		return false
	}
	return slices.ContainsFunc(contents, func(c []byte) bool {
		_, known := p.known[primitives.HashOf(c)]
		return known
	})
}

func deadly() *pluginv1.Error {
	return &pluginv1.Error{Kind: &pluginv1.Error_Internal{Internal: &pluginv1.Internal{Reason: "the VM has died on this block before; it isn't asked about it again"}}}
}
