package strangers

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/store/disk"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// Attack is one way to be a nuisance until ctx ends. Its outcome says what it came to; one that
// what the node should have done.
type Attack struct {
	Name, What string
	Run        func(ctx context.Context, d *drill) (outcome string)
}

// Attacks are the ways.
var Attacks = []Attack{
	{"ancestors", "asks for the blocks before the last one, 100 times a second", ancestors(100)},
	{"ancestors+", "asks for them 1,000 times a second", ancestors(1000)},
	{"blocks", "asks for the last block, 1,000 times a second", blocks},
	{"frontiers", "asks which block is the last one, 5,000 times a second", frontiers},
	{"queries", "queries about blocks that nobody has, 5,000 times a second", queries},
	{"gossip", "gossips what no honest node does, 100 times a second", gossip},
	{"silent", "makes 60 links and says nothing; an honest node calls", silent},
	{"twin", "runs with the identity of the first validator, and calls all others", twin},
}

func (d *drill) meet(ctx context.Context) (*Stranger, error) {
	s, err := d.stranger()
	if err != nil {
		return nil, err
	}
	if err := s.Meet(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// repeat calls say so many times a second until ctx ends.
func repeat(ctx context.Context, perSecond int, say func(i uint32)) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := uint32(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for range perSecond / 100 {
			i++
			say(i)
		}
	}
}

func (s *Stranger) outcome() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf("%.1f MB were served", float64(s.received)/1e6)
	if !s.linked {
		text += fmt.Sprintf(", and the link was ended: %v", s.why)
	}
	return text
}

func ancestors(perSecond int) func(context.Context, *drill) string {
	return func(ctx context.Context, d *drill) string {
		return asking(ctx, d, perSecond, nb.LaneBulk, "ancestors", func(i uint32, last []byte) *enginev1.PeerMessage {
			q := &enginev1.GetAncestors{RequestId: i, ContainerId: last}
			return &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_GetAncestors{GetAncestors: q}}
		})
	}
}

func blocks(ctx context.Context, d *drill) string {
	return asking(ctx, d, 1000, nb.LaneConsensus, "consensus", func(i uint32, last []byte) *enginev1.PeerMessage {
		q := &enginev1.Get{RequestId: i, ContainerId: last}
		return &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_Get{Get: q}}
	})
}

func frontiers(ctx context.Context, d *drill) string {
	return asking(ctx, d, 5000, nb.LaneConsensus, "consensus", func(i uint32, _ []byte) *enginev1.PeerMessage {
		q := &enginev1.GetAcceptedFrontier{RequestId: i}
		return &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_GetAcceptedFrontier{GetAcceptedFrontier: q}}
	})
}

func queries(ctx context.Context, d *drill) string {
	return asking(ctx, d, 5000, nb.LaneConsensus, "consensus", func(i uint32, _ []byte) *enginev1.PeerMessage {
		id := make([]byte, 32)
		rand.Read(id)
		q := &enginev1.PullQuery{RequestId: i, ContainerId: id}
		return &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_PullQuery{PullQuery: q}}
	})
}

// asking asks about the last block, over and over.
func asking(ctx context.Context, d *drill, perSecond int, lane nb.Lane, protocol string,
	question func(i uint32, last []byte) *enginev1.PeerMessage) string {
	s, err := d.meet(ctx)
	if err != nil {
		return err.Error()
	}
	defer s.Close()
	last, err := s.LastAccepted(ctx)
	if err != nil {
		return err.Error()
	}
	repeat(ctx, perSecond, func(i uint32) { s.Say(lane, protocol, question(i, last)) })
	return s.outcome()
}

func gossip(ctx context.Context, d *drill) string {
	s, err := d.meet(ctx)
	if err != nil {
		return err.Error()
	}
	defer s.Close()
	rubbish := make([]byte, 2<<10)
	repeat(ctx, 100, func(uint32) {
		rand.Read(rubbish)
		rubbish[0] = 0xff
		s.Say(nb.LaneGossip, "app-gossip", &enginev1.PeerMessage{
			Kind: &enginev1.PeerMessage_AppGossip{AppGossip: &enginev1.AppGossip{Gossip: rubbish}},
		})
	})
	if s.Linked() {
		return wrong + "whoever gossips rubbish is still linked"
	}
	return s.outcome()
}

func silent(ctx context.Context, d *drill) string {
	for range 60 {
		s, err := d.stranger()
		if err != nil {
			return err.Error()
		}
		defer s.Close()
		_ = s.Call(ctx) // some find no room
	}
	honest, err := d.stranger()
	if err != nil {
		return err.Error()
	}
	defer honest.Close()
	for tries := 1; ctx.Err() == nil; tries++ {
		if honest.Meet(ctx) == nil {
			if _, err := honest.LastAccepted(ctx); err == nil && honest.Linked() {
				return fmt.Sprintf("the honest node was welcome at its call %d", tries)
			}
		}
	}
	return wrong + "the honest node found no room"
}

// twin is a second node with the first validator's identity. Both must be named within the attack.
func twin(ctx context.Context, d *drill) string {
	home := d.Home.Node(d.genesis.Validators[0].Name)
	key, err := keys.Load(disk.OS{}, filepath.Join(home.Keys(), datadir.IdentityFile), keys.Identity)
	if err != nil {
		return err.Error()
	}
	began := time.Now()
	for _, v := range d.genesis.Validators[1:] {
		s, err := New(key.Expose(), d.genesis, d.Chain, v)
		if err != nil {
			return err.Error()
		}
		defer s.Close()
		go func() {
			for ctx.Err() == nil {
				if !s.Linked() {
					_ = s.Meet(ctx) // it is called again
				}
				pause(ctx, time.Second)
			}
		}()
	}
	for pause(ctx, time.Second/2) {
		s, err := d.Client.Status(ctx)
		if err != nil {
			continue
		}
		holder, _ := s.Node(home.Name)
		if strings.Contains(holder.Cause, "identity") {
			named := fmt.Sprintf("%s says so after %.1f s: %s", home.Name, time.Since(began).Seconds(), holder.Cause)
			<-ctx.Done()
			return named
		}
	}
	return wrong + home.Name + " doesn't say that another node runs with its identity"
}

// pause waits. False: ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
