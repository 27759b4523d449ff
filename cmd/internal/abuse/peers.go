package abuse

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/store/disk"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// comeBack is how long who was turned away waits before it comes again.
const comeBack = 200 * time.Millisecond

var peerAttacks = []Attack{
	{Name: "silent-links", Door: Peer, Does: "60 strangers say nothing, 25 come again; an honest node calls", Most: 48,
		run: silentLinks},
	{Name: "reconnect-storm", Door: Peer, Does: "a link made and left, 10/s", Most: 48, run: reconnectStorm},
	{Name: "ancestors", Door: Peer, Does: "asks for the last block's ancestors, 100/s", Most: 96,
		run: saying(100, ancestors)},
	{Name: "many-ancestors", Door: Peer, Does: "asks for them 1,000/s", Most: 96, run: saying(1000, ancestors)},
	{Name: "last-block", Door: Peer, Does: "asks for the last block, 1,000/s", Most: 48, run: saying(1000, lastBlock)},
	{Name: "unknown-blocks", Door: Peer, Does: "asks for blocks that nobody has, 1,000/s", Most: 48,
		run: saying(1000, unknownBlock)},
	{Name: "frontiers", Door: Peer, Does: "asks which block is the last one, 5,000/s", Most: 64,
		run: saying(5000, frontier)},
	{Name: "queries", Door: Peer, Does: "queries about blocks that nobody has, 5,000/s", Most: 64,
		run: saying(5000, query)},
	{Name: "rubbish-gossip", Door: Peer, Does: "gossip that is nothing, 2 KiB each, 100/s", Most: 48,
		Least: 20 * time.Second, run: rubbishGossip},
	{Name: "garbage-gossip", Door: Peer, Does: "transactions with wrong signatures, 800 at a time, 4/s", Most: 64,
		run: garbageGossip},
	{Name: "told-addresses", Door: Peer, Does: "5 strangers a second name 32 nodes each", Most: 48, run: toldAddresses},
}

// twinAttack is the last of all, because the node whose identity it has says so for some time.
var twinAttack = Attack{Name: "twin", Door: Peer, Does: "runs with the identity of another validator, calls all others",
	Most: 48, Least: 5 * time.Second, Named: "identity", run: twin}

// silentLinks holds 60 links, or as many as it is given. An honest node that calls meanwhile must find room.
func silentLinks(ctx context.Context, a *attacker) error {
	var welcome atomic.Bool
	err := together(61, func(i int) error {
		if i == 0 {
			return a.honestNode(ctx, &welcome)
		}
		hold(ctx, i <= 25, func() (*stranger, error) { return a.stranger(ctx) })
		return nil
	})
	if !welcome.Load() {
		a.wrong("an honest node found no room")
	}
	return err
}

// honestNode calls until it is welcome: it has said hello, a second later its link is still there, and it was told which
// block is the last one.
func (a *attacker) honestNode(ctx context.Context, welcome *atomic.Bool) error {
	honest := &attacker{Target: a.Target, tally: &tally{}}
	for ctx.Err() == nil && !welcome.Load() {
		if s, err := honest.stranger(ctx); err == nil {
			soon, cancel := context.WithTimeout(ctx, time.Second)
			if s.greet() == nil && s.engine(frontier(honest, 1)) == nil && s.stays(soon) && s.wasAnswered() &&
				ctx.Err() == nil {
				welcome.Store(true)
			}
			cancel()
			s.close()
		}
		pause(ctx, comeBack)
	}
	return nil
}

func reconnectStorm(ctx context.Context, a *attacker) error {
	const callers = 4
	return together(callers, func(int) error {
		return often(ctx, 10.0/callers, func(int) error {
			s, err := a.stranger(ctx)
			if err != nil {
				return nil //nolint:nilerr // counted: it was refused
			}
			defer s.close()
			return s.greet()
		})
	})
}

// twin is a second node with another validator's identity.
func twin(ctx context.Context, a *attacker) error {
	if len(a.Others) == 0 {
		return errors.New("the network has no other validator")
	}
	key, err := keys.Load(disk.OS{}, a.Others[0].Key, keys.Identity)
	if err != nil {
		return err
	}
	return together(len(a.Others), func(i int) error {
		at := &attacker{Target: a.Target, tally: a.tally}
		if i > 0 {
			at.Node, at.P2P = a.Others[i].Node, a.Others[i].P2P
		}
		hold(ctx, true, func() (*stranger, error) {
			s, err := at.link(ctx, key.Expose())
			if err == nil {
				s.greet() //nolint:errcheck // a link that has ended is made again
			}
			return s, err
		})
		return nil
	})
}

// saying says something so many times a second, as a peer.
func saying(perSecond float64, what func(a *attacker, i uint32) *enginev1.PeerMessage) way {
	return func(ctx context.Context, a *attacker) error {
		return a.asPeer(ctx, perSecond, func(s *stranger, i int) error { return s.engine(what(a, uint32(i))) })
	}
}

func ancestors(a *attacker, i uint32) *enginev1.PeerMessage {
	q := &enginev1.GetAncestors{RequestId: i, ContainerId: a.Last[:]}
	return &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_GetAncestors{GetAncestors: q}}
}

func lastBlock(a *attacker, i uint32) *enginev1.PeerMessage { return get(i, a.Last[:]) }

func unknownBlock(_ *attacker, i uint32) *enginev1.PeerMessage { return get(i, someID()) }

func get(i uint32, id []byte) *enginev1.PeerMessage {
	return &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_Get{Get: &enginev1.Get{RequestId: i, ContainerId: id}}}
}

func frontier(_ *attacker, i uint32) *enginev1.PeerMessage {
	q := &enginev1.GetAcceptedFrontier{RequestId: i}
	return &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_GetAcceptedFrontier{GetAcceptedFrontier: q}}
}

func query(_ *attacker, i uint32) *enginev1.PeerMessage {
	q := &enginev1.PullQuery{RequestId: i, ContainerId: someID()}
	return &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_PullQuery{PullQuery: q}}
}

func appGossip(b []byte) *enginev1.PeerMessage {
	return &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_AppGossip{AppGossip: &enginev1.AppGossip{Gossip: b}}}
}

// rubbishGossip is what no honest node gossips. Whoever does must lose his link; he is heard once a second, and each
// time costs a tenth of what ends it.
func rubbishGossip(ctx context.Context, a *attacker) error {
	err := saying(100, func(*attacker, uint32) *enginev1.PeerMessage {
		return appGossip(append([]byte{0xff}, noise(2<<10)...))
	})(ctx, a)
	if a.ended.Load() == 0 {
		a.wrong("whoever gossips rubbish keeps his link")
	}
	return err
}

func garbageGossip(ctx context.Context, a *attacker) error {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	return a.asPeer(ctx, 4, func(s *stranger, i int) error {
		var batch []byte
		for k := range 800 {
			tx := kvvm.NewTx(a.ChainID, key, uint64(i), kvvm.Put, fmt.Append(nil, k), nil).Bytes()
			copy(tx[len(tx)-ed25519.SignatureSize:], noise(ed25519.SignatureSize))
			batch = vmsdk.AppendTx(batch, tx)
		}
		return s.engine(appGossip(batch))
	})
}

// toldAddresses names nodes that aren't there at addresses where it counts who calls.
func toldAddresses(ctx context.Context, a *attacker) error {
	l, err := net.Listen("tcp", "127.0.66.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			a.called.Add(1)
			c.Close()
		}
	}()
	port := l.Addr().(*net.TCPAddr).Port
	return often(ctx, 5, func(int) error {
		s, err := a.stranger(ctx)
		if err != nil {
			return nil //nolint:nilerr // counted: it was refused
		}
		defer s.close()
		if err := s.greet(); err != nil {
			return nil //nolint:nilerr // counted: it was ended
		}
		told := &nbv1.PeerExchange{}
		for range 32 {
			told.Peers = append(told.Peers, &nbv1.PeerAddress{Peer: someID(),
				Addresses: []string{fmt.Sprintf("/ip4/127.0.66.1/tcp/%d", port)}})
		}
		err = s.say(nb.LaneBacking, &nbv1.Frame{Kind: &nbv1.Frame_PeerExchange{PeerExchange: told}})
		pause(ctx, tick) // until it is there
		return err
	})
}

// noise is random bytes.
func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}
