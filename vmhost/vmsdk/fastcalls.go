package vmsdk

import (
	"context"

	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/fastcall"
)

const (
	// maxAsking is on how many channels the VM's goroutines call the host at once; those that find none free take the
	// longer way.
	maxAsking = 8
	// peerChannels are as many as a host delivers messages of peers at once.
	peerChannels = 3
)

// channels are the short ways to the host and from it. They live from Initialize to Close.
type channels struct {
	dialer fastcall.Dialer
	asking fastcall.Pool
	alive  context.Context
	end    context.CancelFunc
}

func newChannels(d fastcall.Dialer) *channels {
	c := &channels{dialer: d}
	c.alive, c.end = context.WithCancel(context.Background())
	c.asking.Open, c.asking.Most = c.open, maxAsking
	return c
}

func (c *channels) open() (*fastcall.Channel, error) { return c.dialer.Ask(c.alive) }

// forMethod: every call to the host is a fast call.
func (c *channels) forMethod(string) *fastcall.Pool { return &c.asking }

// answer lets the host call the VM.
func (c *channels) answer(services *fastcall.Services) error {
	uses := []pb.ChannelUse{pb.ChannelUse_CHANNEL_USE_BLOCKS}
	for range peerChannels {
		uses = append(uses, pb.ChannelUse_CHANNEL_USE_PEERS)
	}
	for _, use := range uses {
		if err := c.dialer.Answer(c.alive, use, services); err != nil {
			return err
		}
	}
	return nil
}

func (c *channels) close() {
	c.asking.Close()
	c.end()
}

// answerFastCalls opens the channels on which the host calls. Without them its calls come as before.
func (s *Server) answerFastCalls() {
	if s.host.fast == nil {
		return
	}
	services := &fastcall.Services{}
	services.Around = s.env.Around.Served()
	s.Register(services)
	if err := s.host.fast.answer(services); err != nil {
		s.env.Log.Warn("the host's calls take the longer way", "err", err)
	}
}
