// Package view holds what a node tells its peers that it is working on: its newest active leaves.
package view

import (
	"fmt"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// MaxHeads is how many heads a view has at most.
const MaxHeads = 5

// View is a node's newest active leaves, newest first.
type View []primitives.Hash

// From reads a view that a peer sent: at most five heads of 32 bytes, all different.
func From(heads [][]byte) (View, error) {
	if len(heads) > MaxHeads {
		return nil, fmt.Errorf("a view has at most %d heads, this one has %d", MaxHeads, len(heads))
	}
	v := make(View, 0, len(heads))
	for _, b := range heads {
		h, err := primitives.HashFrom(b)
		if err != nil {
			return nil, fmt.Errorf("head of a view: %w", err)
		}
		if slices.Contains(v, h) {
			return nil, fmt.Errorf("a view names %s twice", h.Short())
		}
		v = append(v, h)
	}
	return v, nil
}

// Bytes is the form that messages carry. The slices share nothing with v.
func (v View) Bytes() [][]byte {
	out := make([][]byte, len(v))
	for i, h := range v {
		out[i] = slices.Clone(h[:])
	}
	return out
}

// Equal tells whether both name the same heads. Their order carries no meaning.
func (v View) Equal(o View) bool {
	if len(v) != len(o) {
		return false
	}
	for _, h := range v {
		if !slices.Contains(o, h) {
			return false
		}
	}
	return true
}

// Merge is one view of several chains: their newest heads in turn, five in all.
func Merge(chains ...View) View {
	var v View
	for depth := range MaxHeads {
		for _, c := range chains {
			if depth < len(c) && len(v) < MaxHeads {
				v = append(v, c[depth])
			}
		}
	}
	return v
}

// Leaves are the active leaves, from which our own view is made.
type Leaves struct{ live []primitives.Hash }

// Start adds a leaf; a known one stays where it is.
func (l *Leaves) Start(h primitives.Hash) {
	if !slices.Contains(l.live, h) {
		l.live = append(l.live, h)
	}
}

// Stop removes a leaf.
func (l *Leaves) Stop(h primitives.Hash) {
	l.live = slices.DeleteFunc(l.live, func(x primitives.Hash) bool { return x == h })
}

// View is the newest five of them.
func (l *Leaves) View() View {
	v := slices.Clone(l.live)
	slices.Reverse(v)
	return View(v[:min(len(v), MaxHeads)])
}
