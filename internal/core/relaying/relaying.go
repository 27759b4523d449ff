// Package relaying chooses to which peers a node passes on what others have said. It is pure.
//
// What a node says itself it says to every peer. Were what it hears passed on to every peer, too, each of n validators
// would send n messages for each of n others. So it goes to a few, and each node chooses others: whoever isn't
// connected with its author has it from somebody else, and his neighbours from him. Among few peers it goes to all.
package relaying

import (
	"encoding/binary"
	"math"

	"github.com/reevenet/reeve/internal/core/primitives"
)

const (
	// Few is among how many peers all are chosen.
	Few = 16
	// Width is how many are chosen of more, on average. A thing that each who has it passes on to four others, drawn by
	// chance, reaches 98 of 100 of those who didn't have it from its author.
	Width = 4
)

// Choice is one node's. Its seed is nobody else's to know: who knew it could stand where things go.
type Choice uint64

// Place is where a peer stands in a node's choice.
type Place uint64

// Of is the place of a peer.
func (c Choice) Of(peer primitives.NodeID) Place {
	return Place(mix(uint64(c) ^ short(primitives.Hash(peer))))
}

// Draw says which peers a thing goes to.
type Draw struct{ thing, limit uint64 }

// About draws for a thing among so many peers. It is always the same for the same thing.
func About(thing primitives.Hash, peers int) Draw {
	if peers <= Few {
		return Draw{limit: math.MaxUint64}
	}
	return Draw{short(thing), math.MaxUint64 / uint64(peers) * Width}
}

// Chosen tells whether the thing goes to the peer with that place.
func (d Draw) Chosen(p Place) bool { return mix(uint64(p)^d.thing) <= d.limit }

// short is a hash's beginning: it is drawn evenly, whoever has made what is hashed.
func short(h primitives.Hash) uint64 { return binary.LittleEndian.Uint64(h[:8]) }

// mix is the end of splitmix64: each bit of what goes in changes half of what comes out.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
