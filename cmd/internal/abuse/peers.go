package abuse

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// comeBack is how long who was turned away waits before it comes again.
const comeBack = 200 * time.Millisecond

var peerAttacks = []Attack{
	{Name: "silent-links", Door: Peer, Does: "25 strangers who say nothing and come again; an honest node calls", Most: 48,
		run: silentLinks},
	{Name: "reconnect-storm", Door: Peer, Does: "a link made and left, 10/s", Most: 48, run: reconnectStorm},
	{Name: "ancestors", Door: Peer, Does: "asks for the last block's ancestors, 100/s", Most: 96, run: ancestors},
	{Name: "unknown-blocks", Door: Peer, Does: "asks for blocks that nobody has, 1,000/s", Most: 48, run: unknownBlocks},
	{Name: "garbage-gossip", Door: Peer, Does: "transactions with wrong signatures, 800 at a time, 4/s", Most: 64,
		run: garbageGossip},
	{Name: "told-addresses", Door: Peer, Does: "5 strangers a second name 32 nodes each", Most: 48, run: toldAddresses},
}

// silentLinks holds 25 links, or as many as it is given. An honest node that calls meanwhile must find room.
func silentLinks(ctx context.Context, a *attacker) error {
	var welcome atomic.Bool
	err := together(26, func(i int) error {
		if i == 0 {
			return a.honestNode(ctx, &welcome)
		}
		for ctx.Err() == nil {
			if s, err := a.stranger(ctx); err == nil {
				s.stays(ctx)
				s.close()
			}
			pause(ctx, comeBack)
		}
		return nil
	})
	if !welcome.Load() {
		a.wrong("an honest node found no room")
	}
	return err
}

// honestNode calls until it is welcome: it has said hello, and a second later its link is still there.
func (a *attacker) honestNode(ctx context.Context, welcome *atomic.Bool) error {
	honest := &attacker{Target: a.Target}
	for ctx.Err() == nil && !welcome.Load() {
		if s, err := honest.stranger(ctx); err == nil {
			soon, cancel := context.WithTimeout(ctx, time.Second)
			if s.greet() == nil && s.stays(soon) && ctx.Err() == nil {
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

func ancestors(ctx context.Context, a *attacker) error {
	return a.asPeer(ctx, 100, func(s *stranger, i int) error {
		return s.engine(&enginev1.PeerMessage{Kind: &enginev1.PeerMessage_GetAncestors{
			GetAncestors: &enginev1.GetAncestors{RequestId: uint32(i), ContainerId: a.Last[:]},
		}})
	})
}

func unknownBlocks(ctx context.Context, a *attacker) error {
	return a.asPeer(ctx, 1000, func(s *stranger, i int) error {
		return s.engine(&enginev1.PeerMessage{Kind: &enginev1.PeerMessage_Get{
			Get: &enginev1.Get{RequestId: uint32(i), ContainerId: someID()},
		}})
	})
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
		return s.engine(&enginev1.PeerMessage{Kind: &enginev1.PeerMessage_AppGossip{
			AppGossip: &enginev1.AppGossip{Gossip: batch},
		}})
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
