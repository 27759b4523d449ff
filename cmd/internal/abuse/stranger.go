package abuse

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/p2p"
)

// stranger is a link to the node from somebody with a key of his own, and nothing else that would make him anybody.
type stranger struct {
	by       *attacker
	net      *p2p.Network
	news     chan nb.Event
	answered chan struct{} // closed when the node has answered
	ended    chan struct{} // closed when there is no link any more
	done     chan struct{}
}

// news that may wait; a stranger who has more isn't read from.
const mostNews = 1 << 12

// stranger makes a link. It says nothing yet.
func (a *attacker) stranger(ctx context.Context) (*stranger, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	return a.link(ctx, key)
}

func (a *attacker) link(ctx context.Context, key ed25519.PrivateKey) (s *stranger, err error) {
	s = &stranger{by: a, news: make(chan nb.Event, mostNews), answered: make(chan struct{}), ended: make(chan struct{}),
		done: make(chan struct{})}
	if s.net, err = p2p.New(p2p.Config{Key: key}); err != nil {
		return nil, err
	}
	if err := s.net.Start(s.hear); err != nil {
		return nil, err
	}
	if err := s.call(ctx); err != nil {
		s.close()
		return nil, err
	}
	a.opened.Add(1)
	go s.listen()
	return s, nil
}

func (s *stranger) hear(e nb.Event) {
	select {
	case s.news <- e:
	case <-s.done:
	}
}

func (s *stranger) call(ctx context.Context) error {
	s.net.Connect(nb.Address{Node: s.by.Node, At: []string{s.by.P2P}})
	select {
	case <-ctx.Done():
		return ctx.Err()
	case e := <-s.news:
		if e.Kind != nb.Up {
			s.by.refused.Add(1)
			return fmt.Errorf("no link: %w", e.Err)
		}
		return nil
	}
}

// listen takes what the node says.
func (s *stranger) listen() {
	answer := sync.OnceFunc(func() { close(s.answered) })
	for {
		select {
		case <-s.done:
			return
		case e := <-s.news:
			switch e.Kind {
			case nb.Frame:
				s.by.heard.Add(uint64(len(e.Bytes)))
				s.net.Consumed(e.Peer, e.Lane, len(e.Bytes))
				if e.Lane == nb.LaneConsensus && tellsFrontier(e.Bytes) {
					answer()
				}
			case nb.Down:
				s.by.ended.Add(1)
				close(s.ended)
				return
			}
		}
	}
}

// tellsFrontier tells whether a frame says which block was accepted last, which is what honest nodes ask first.
func tellsFrontier(raw []byte) bool {
	var f nbv1.Frame
	var m enginev1.PeerMessage
	return proto.Unmarshal(raw, &f) == nil && proto.Unmarshal(f.GetMessage().GetPayload(), &m) == nil &&
		m.GetAcceptedFrontier_() != nil
}

func (s *stranger) close() {
	close(s.done)
	s.net.Close() //nolint:errcheck // nothing is left to do
}

// stays tells whether the link outlives ctx.
func (s *stranger) stays(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	case <-s.ended:
		return false
	}
}

func (s *stranger) wasAnswered() bool {
	select {
	case <-s.answered:
		return true
	default:
		return false
	}
}

var errEnded = errors.New("the node has ended the link")

// say sends a frame. A frame that finds no room isn't counted.
func (s *stranger) say(lane nb.Lane, f *nbv1.Frame) error {
	raw, err := proto.Marshal(f)
	if err != nil {
		return err
	}
	select {
	case <-s.ended:
		return errEnded
	default:
	}
	if s.net.Send(s.by.Node, lane, raw) {
		s.by.sends(len(raw))
	}
	return nil
}

// greet says hello on every lane.
func (s *stranger) greet() error {
	hello := &nbv1.Frame{Kind: &nbv1.Frame_Hello{Hello: &nbv1.Hello{
		NetworkId: s.by.Network[:], MinVersion: 1, MaxVersion: 1, Role: uint32(nbv1.Role_ROLE_FULL),
		Families: []nbv1.Family{nbv1.Family_FAMILY_VALIDATION}, Agent: "abuse",
	}}}
	for lane := range nb.Lanes {
		if err := s.say(lane, hello); err != nil {
			return err
		}
	}
	return nil
}

// hold keeps a link, or one after the other, until ctx ends.
func hold(ctx context.Context, again bool, link func() (*stranger, error)) {
	for first := true; ctx.Err() == nil && (first || again); first = false {
		if s, err := link(); err == nil {
			s.stays(ctx)
			s.close()
		}
		pause(ctx, comeBack)
	}
}

// asPeer says something so often a second as a peer that has greeted, and comes back as somebody else whenever the node
// ends the link.
func (a *attacker) asPeer(ctx context.Context, perSecond float64, do func(s *stranger, i int) error) error {
	for ctx.Err() == nil {
		s, err := a.stranger(ctx)
		if err != nil {
			pause(ctx, comeBack)
			continue
		}
		if err = s.greet(); err == nil {
			err = often(ctx, perSecond, func(i int) error { return do(s, i) })
		}
		s.close()
		if err != nil && !errors.Is(err, errEnded) {
			return err
		}
		pause(ctx, comeBack)
	}
	return nil
}

// someID is one that nobody has.
func someID() []byte {
	id := primitives.HashOf(noise(32))
	return id[:]
}
