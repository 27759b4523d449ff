package vmtest

import (
	"context"
	"fmt"

	"github.com/reevenet/reeve/vmhost/database/memdb"

	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/launch"
)

// kit is what one check has.
type kit struct {
	ctx      context.Context
	target   launch.Launcher
	options  Options
	report   *Report
	sessions []*Session
	output   output
}

// check is a rule and how to try it.
type check struct {
	id   string
	rule string
	run  func(*kit)
}

func (k *kit) fail(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

func (k *kit) skip(why string) { panic(skip(why)) }

// start begins a VM on an empty disk.
func (k *kit) start() *Session {
	s := &Session{kit: k, disk: memdb.New(), chain: make(map[uint64]*pb.Block)}
	k.sessions = append(k.sessions, s)
	s.launch()
	return s
}

// restart begins the VM again on what the crash has left.
func (s *Session) restart() {
	s.http = nil
	s.note("started again")
	s.launch()
}

func (k *kit) close() {
	for _, s := range k.sessions {
		s.kill()
	}
}

// calls are those of the newest session, which is where checks fail.
func (k *kit) calls() []string {
	if len(k.sessions) == 0 {
		return nil
	}
	s := k.sessions[len(k.sessions)-1]
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

// grow builds, verifies and accepts n blocks with one piece of work each.
func (s *Session) grow(n int) (blocks []*pb.Block) {
	for i := range n {
		s.work(int(s.last.GetHeight()))
		b := s.build(10 * (i + 1))
		s.verify(b)
		s.accept(b)
		s.prefer(b)
		blocks = append(blocks, b)
	}
	return blocks
}

// siblings are two blocks on the same parent.
func (s *Session) siblings() (b, c *pb.Block) {
	s.work(int(s.last.GetHeight()))
	b, c = s.build(100), s.build(200)
	if string(b.GetId()) == string(c.GetId()) {
		s.kit.skip("the VM builds the same block at different times, so there are no siblings")
	}
	return b, c
}
