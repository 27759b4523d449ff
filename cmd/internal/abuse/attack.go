// Package abuse attacks a running network as a stranger may: as a peer with an identity of its own over real links, as
// a client over HTTP, as a process of the same machine that has no token at the socket of the bus. Beside each attack an
// honest client puts one key after another and measures how long it takes until each is final; how much memory the
// node's processes take, whether one of them ends, and how soon all is as before.
//
// It uses the doors that everybody has and nothing else, and but for a second node with a validator's identity it knows
// no secret of the network. An attack says how fast it goes: attacker and node share a machine, so what is looked for is
// work that costs the attacker little.
package abuse

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Door is where an attack comes in.
type Door string

const (
	Peer   Door = "peer"   // the port for other nodes
	Client Door = "client" // HTTP
	Bus    Door = "bus"    // the overseer's unix socket
)

// Attack is what one peer or client does to a node.
type Attack struct {
	Name string
	Door Door
	Does string // in a few words, with its rate
	// Most is how much each process may grow meanwhile, in MiB.
	Most uint64
	// Least is how long it must last to show anything.
	Least time.Duration
	// Named is a word of what the first of the other validators must say of itself meanwhile. Whoever makes such an
	// attack has that validator's key and is no stranger: he must be noticed, and what it costs is shown and not judged.
	Named string

	run way
}

// way attacks until ctx ends.
type way func(ctx context.Context, a *attacker) error

func Attacks() []Attack {
	return append(slices.Concat(peerAttacks, floods(), busAttacks, clientAttacks, chainAttacks), twinAttack)
}

func Find(name string) (Attack, error) {
	for _, a := range Attacks() {
		if a.Name == name {
			return a, nil
		}
	}
	return Attack{}, fmt.Errorf("there is no attack called %q; -list names them", name)
}

// Target is the node that is attacked, as anybody may know it.
type Target struct {
	HTTP       string            `json:"http"`       // host and port of the door for clients
	Monitoring string            `json:"monitoring"` // and of that for monitoring
	P2P        string            `json:"p2p"`        // multiaddr
	Bus        string            `json:"bus"`        // path
	Node       primitives.NodeID `json:"node"`
	Network    primitives.Hash   `json:"network"`
	Number     uint32            `json:"number"` // of the network, in what is signed
	Chain      string            `json:"chain"`
	ChainID    primitives.Hash   `json:"chainId"`
	Height     uint64            `json:"height"` // of the block that was accepted last
	Last       primitives.Hash   `json:"last"`   // and its id
	Others     []Other           `json:"others"` // the other validators
}

// Other is another validator than the one that is attacked.
type Other struct {
	Name string            `json:"name"`
	Node primitives.NodeID `json:"node"`
	P2P  string            `json:"p2p"`
	Key  string            `json:"key"` // the file with its identity, which only a twin may read
}

// attacker is one run of an attack.
type attacker struct {
	Target
	*tally
}

// Run attacks until ctx ends, and tells what was achieved. An error: the attack couldn't be made.
func (a Attack) Run(ctx context.Context, t Target) (Achieved, error) {
	by := &attacker{Target: t, tally: &tally{}}
	err := a.run(ctx, by)
	if ctx.Err() != nil {
		err = nil
	}
	return by.achieved(), err
}

// tick is how long what is due may be late, so that it is sent together.
const tick = 10 * time.Millisecond

// often calls do so many times a second until ctx ends or do fails, with the number of the call. What can't be done in
// time isn't made up for.
func often(ctx context.Context, perSecond float64, do func(i int) error) error {
	t := time.NewTicker(tick)
	defer t.Stop()
	began := time.Now()
	for done, i := 0, 0; ; {
		due := int(time.Since(began).Seconds()*perSecond) + 1
		if most := int(perSecond/10) + 1; due-done > most {
			done = due - most
		}
		for ; done < due && ctx.Err() == nil; done, i = done+1, i+1 {
			if err := do(i); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}

// pause waits; it returns when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
