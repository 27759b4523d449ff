package vmtest

import (
	"bytes"
	"net/http"
	"time"

	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// parses is how often oneID has a block parsed.
const parses = 100

func oneID(k *kit) {
	s := k.start()
	b := s.grow(1)[0]
	look := func(when string) {
		for n := range parses {
			got, e := s.parse(b.GetContent())
			s.must("ParseBlock", e)
			if !bytes.Equal(got.GetId(), b.GetId()) {
				k.fail("the bytes of block %s were block %s when they were parsed for the %d. time%s", short(b.GetId()),
					short(got.GetId()), n+1, when)
			}
		}
	}
	look("")
	s.crash()
	s.restart()
	look(" after a restart")
}

// garbage is what no VM's gossip looks like.
var garbage = bytes.Repeat([]byte{0xff}, 4096)

// patience is how long it is waited for what may not come.
const patience = time.Second

// gossip is tried on VMs that take some: those that get their work by it, or send their work on.
func gossip(k *kit) {
	s := k.start()
	s.work(0)
	if !s.takesGossip {
		select {
		case <-s.host.gossiped:
		case <-time.After(patience):
			k.skip("the VM sends no gossip")
		}
	}
	a := call(s, "AppGossip with 4,096 bytes of ff", &pb.AppGossipRequest{NodeId: peer[:], Gossip: garbage},
		s.vm.AppGossip)
	if a.GetInvalid() == "" {
		k.fail("gossip of 4,096 bytes of ff isn't answered as invalid: AppGossip should return an InvalidGossipError")
	}
}

func committed(k *kit) {
	if k.options.Shows == "" {
		k.skip("it isn't known what the VM shows of a block")
	}
	s := k.start()
	before := s.shown()
	s.work(0)
	b := s.build(1)
	s.verify(b)
	writes := s.decide(b)
	early := make(chan []byte, 1)
	go func() {
		_, body, _ := s.HTTP(http.MethodGet, k.options.Shows, nil) // one that doesn't answer yet does right
		early <- body
	}()
	select {
	case got := <-early:
		if len(got) > 0 && !bytes.Equal(got, before) {
			k.fail("GET %s answered %q when the block was accepted; it isn't committed, and a power cut can take it away",
				k.options.Shows, got)
		}
	case <-time.After(patience / 4):
	}
	s.commit(b, writes)
	if after := s.shown(); bytes.Equal(after, before) {
		k.fail("GET %s still answers %q when the block is committed", k.options.Shows, after)
	}
}

// shown is what users see.
func (s *Session) shown() []byte {
	code, body, err := s.HTTP(http.MethodGet, s.kit.options.Shows, nil)
	if err != nil || code != http.StatusOK {
		s.kit.fail("GET %s: status %d, %v: %s", s.kit.options.Shows, code, err, body)
	}
	return body
}
