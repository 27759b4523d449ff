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
)

func determinism(k *kit) {
	first := k.start()
	genesisState, firstGenesis := first.state(), first.last
	blocks := first.grow(3)
	second := k.start()
	if !bytes.Equal(second.last.GetId(), firstGenesis.GetId()) || second.state() != genesisState {
		k.fail("two VMs with the same genesis begin differently: blocks %s and %s", short(firstGenesis.GetId()), short(second.last.GetId()))
	}
	for _, b := range blocks {
		second.verify(b)
		second.accept(b)
	}
	if second.state() != first.state() {
		k.fail("after the same %d blocks the two states differ", len(blocks))
	}
}

// crash kills the VM at every point of a script, also between the VM's answer to AcceptBlock and the host's writing it
// down.
func crash(k *kit) {
	plain := k.start()
	blocks := plain.grow(3)
	const perBlock = 4 // crash before verifying, before accepting, before writing, after writing
	for at := range perBlock * len(blocks) {
		s := k.start()
		for i, b := range blocks {
			dies := at - perBlock*i
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
			s.write(writes)
			s.last = b
			s.host.add(b)
			s.crashIf(dies == 3)
		}
		if s.state() != plain.state() {
			k.fail("killed at point %d of the script, the VM arrives at another state", at+1)
		}
		s.end()
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
		a := call(s, "SetState "+state.String(), &pb.SetStateRequest{State: state}, s.vm.SetState)
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
	errs := make(chan string, 64)
	for i, message := range [][]byte{nil, {0}, []byte("hello"), bytes.Repeat([]byte{0xff}, 70_000), blocks[0].GetContent()} {
		group.Go(func() {
			for n := range 5 {
				if err := s.bother(uint32(10*i+n), message); err != nil {
					errs <- fmt.Sprintf("%v, with %d bytes", err, len(message))
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
	for e := range errs {
		k.fail("%s", e)
	}
	if failed != "" {
		k.fail("%s", failed)
	}
	s.parse(blocks[0].GetContent())
}

func (s *Session) bother(id uint32, message []byte) error {
	_, err := attempt(s, "Connected", &pb.ConnectedRequest{NodeId: peer[:], Version: "stranger"}, s.vm.Connected)
	if err != nil {
		return fmt.Errorf("Connected: %w", err)
	}
	deadline := timestamppb.New(time.Now().Add(time.Second))
	if _, err = attempt(s, "AppRequest", &pb.AppRequestRequest{NodeId: peer[:], RequestId: id, Request: message, Deadline: deadline}, s.vm.AppRequest); err != nil {
		return fmt.Errorf("AppRequest: %w", err)
	}
	if _, err = attempt(s, "AppResponse nobody asked for", &pb.AppResponseRequest{NodeId: peer[:], RequestId: id, Response: message}, s.vm.AppResponse); err != nil {
		return fmt.Errorf("AppResponse: %w", err)
	}
	if _, err = attempt(s, "AppRequestFailed", &pb.AppRequestFailedRequest{NodeId: peer[:], RequestId: id, Error: &pb.AppError{Code: -1}}, s.vm.AppRequestFailed); err != nil {
		return fmt.Errorf("AppRequestFailed: %w", err)
	}
	if _, err = attempt(s, "AppGossip", &pb.AppGossipRequest{NodeId: peer[:], Gossip: message}, s.vm.AppGossip); err != nil {
		return fmt.Errorf("AppGossip: %w", err)
	}
	_, err = attempt(s, "Disconnected", &pb.DisconnectedRequest{NodeId: peer[:]}, s.vm.Disconnected)
	return err
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
		k.fail("a request without the host's token got %d, %v; it should be refused with 403", code, err)
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
	case <-s.exited:
	case <-time.After(time.Second):
		k.fail("the plugin hasn't ended %v after Shutdown", time.Since(begin).Round(time.Millisecond))
	}
	if took := time.Since(begin); took >= k.options.CallLimit {
		k.fail("the plugin had to be killed %v after Shutdown", took.Round(time.Millisecond))
	}
	s.service.Close()
	s.restart()
}
