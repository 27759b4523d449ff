package vmtest

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

func determinism(k *kit) {
	first := k.start()
	genesisState, firstGenesis := first.state(), first.last
	blocks := first.grow(3)
	second := k.start()
	if !bytes.Equal(second.last.GetId(), firstGenesis.GetId()) {
		k.fail("two VMs with the same genesis begin with %s and %s", described(firstGenesis), described(second.last))
	}
	if d := second.state().differs(genesisState); d != "" {
		k.fail("two VMs with the same genesis begin with different states: %s", d)
	}
	for _, b := range blocks {
		second.verify(b)
		second.accept(b)
	}
	if d := second.state().differs(first.state()); d != "" {
		k.fail("after the same %d blocks the two states differ: %s", len(blocks), d)
	}
}

// killed are the points at which crash kills the VM, for each block.
var killed = []string{
	"before it verified block %d", "between verifying and accepting block %d",
	"before what AcceptBlock of block %d returned was written",
	"after what AcceptBlock of block %d returned was written",
}

// crash kills the VM at every point of a script.
func crash(k *kit) {
	plain := k.start()
	blocks := plain.grow(3)
	want := plain.state()
	for at := range len(killed) * len(blocks) {
		s := k.start()
		for i, b := range blocks {
			dies := at - len(killed)*i
			s.crashIf(dies == 0)
			s.verify(b)
			if s.crashIf(dies == 1) {
				s.verify(b)
			}
			writes := s.decide(b)
			if s.crashIf(dies == 2) {
				s.verify(b)
				writes = s.decide(b)
			}
			s.commit(b, writes)
			s.crashIf(dies == 3)
		}
		if d := s.state().differs(want); d != "" {
			point := fmt.Sprintf(killed[at%len(killed)], 1+at/len(killed))
			k.fail("killed "+point+", the VM ends in another state than without that: %s", d)
		}
		s.kill()
	}
}

func (s *Session) crashIf(now bool) bool {
	if now {
		s.crash()
		s.restart()
	}
	return now
}

func states(k *kit) {
	s := k.start()
	for _, state := range []pb.ChainState{
		pb.ChainState_CHAIN_STATE_BOOTSTRAPPING, pb.ChainState_CHAIN_STATE_NORMAL_OPERATION,
		pb.ChainState_CHAIN_STATE_BOOTSTRAPPING, pb.ChainState_CHAIN_STATE_NORMAL_OPERATION,
	} {
		a := call(s, "SetState: "+vmsdk.State(state).String(), &pb.SetStateRequest{State: state}, s.vm.SetState)
		s.must("SetState", a.GetError())
		if !bytes.Equal(a.GetLastAccepted().GetId(), s.last.GetId()) {
			k.fail("SetState moved the last accepted block to %s", short(a.GetLastAccepted().GetId()))
		}
	}
	s.grow(1)
}

// strangers sends app messages of every kind while blocks are verified and accepted.
func strangers(k *kit) {
	blocks := k.start().grow(3)
	s := k.start()
	var group sync.WaitGroup
	errs := make(chan error, 64)
	block := blocks[0].GetContent()
	for i, message := range [][]byte{nil, {0}, []byte("hello"), bytes.Repeat([]byte{0xff}, 70_000), block} {
		s.note("in parallel: app messages of %d bytes", len(message))
		group.Go(func() {
			for n := range 5 {
				if err := s.bother(uint32(10*i+n), message); err != nil {
					s.note("%v", err)
					errs <- err
					return
				}
			}
		})
	}
	failed := ""
	func() {
		defer func() {
			group.Wait()
			if p, ok := recover().(failure); ok {
				failed = string(p) + ", while app messages were handled"
			}
		}()
		for _, b := range blocks {
			s.verify(b)
			s.accept(b)
		}
	}()
	close(errs)
	for err := range errs {
		k.fail("%v", err)
	}
	if failed != "" {
		k.fail("%s", failed)
	}
	s.parse(block)
}

// bother is all that one peer can do to a VM.
func (s *Session) bother(id uint32, message []byte) error {
	with := fmt.Sprintf(" with %d bytes", len(message))
	deadline := timestamppb.New(time.Now().Add(time.Second))
	for _, err := range []func() error{
		tries(s, "Connected", &pb.ConnectedRequest{NodeId: peer[:], Version: "stranger"}, s.vm.Connected),
		tries(s, "AppRequest"+with, &pb.AppRequestRequest{
			NodeId: peer[:], RequestId: id, Request: message, Deadline: deadline}, s.vm.AppRequest),
		tries(s, "AppResponse that nobody asked for"+with, &pb.AppResponseRequest{
			NodeId: peer[:], RequestId: id, Response: message}, s.vm.AppResponse),
		tries(s, "AppRequestFailed", &pb.AppRequestFailedRequest{
			NodeId: peer[:], RequestId: id, Error: &pb.AppError{Code: -1}}, s.vm.AppRequestFailed),
		tries(s, "AppGossip"+with, &pb.AppGossipRequest{NodeId: peer[:], Gossip: message}, s.vm.AppGossip),
		tries(s, "Disconnected", &pb.DisconnectedRequest{NodeId: peer[:]}, s.vm.Disconnected),
	} {
		if err := err(); err != nil {
			return err
		}
	}
	return nil
}

func tries[Q, A any](s *Session, what string, q Q, f method[Q, A]) func() error {
	return func() error {
		_, err := attempt(s, what, q, f)
		return err
	}
}

// httpBeside makes requests that most VMs don't know while blocks are accepted: any answer will do, silence won't.
func httpBeside(k *kit) {
	s := k.start()
	if _, _, err := s.HTTP("GET", "/", nil); err != nil {
		if strings.Contains(err.Error(), "serves no HTTP") {
			k.skip("the VM serves no HTTP")
		}
		k.fail("GET /: %v", err)
	}
	code, _, err := s.request("GET", "/", nil, false)
	if err != nil || code != http.StatusForbidden {
		k.fail("a request without the host's token got status %d, error %v; it should be refused with 403", code, err)
	}
	done := make(chan error, 1)
	go func() {
		for range 20 {
			for _, method := range []string{"GET", "POST", "DELETE"} {
				if _, _, err := s.HTTP(method, "/no/such/thing?x=%00", []byte("rubbish")); err != nil {
					done <- fmt.Errorf("%s: %w", method, err)
					return
				}
			}
		}
		done <- nil
	}()
	s.grow(2)
	if err := <-done; err != nil {
		k.fail("while blocks were accepted: %v", err)
	}
}

func shutdown(k *kit) {
	s := k.start()
	s.grow(1)
	call(s, "Shutdown", &pb.ShutdownRequest{}, s.vm.Shutdown)
	begin := time.Now()
	s.plugin.Stop(k.options.CallLimit)
	select {
	case <-s.end.done:
	case <-time.After(time.Second):
		k.fail("the plugin hasn't ended %v after Shutdown", time.Since(begin).Round(time.Millisecond))
	}
	if took := time.Since(begin); took >= k.options.CallLimit {
		k.fail("the plugin had to be killed %v after Shutdown", took.Round(time.Millisecond))
	}
	s.service.Close()
	s.restart()
}
