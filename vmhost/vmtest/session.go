package vmtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/core/primitives"
	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/database/remote"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// ChainID is the chain's id in every session.
var ChainID = primitives.HashOf([]byte("conformance"))

// peer is the stranger who sends app messages.
var peer = primitives.NodeID{0xBE, 0xEF}

// Session is one VM on one disk, through any number of crashes: the host's side of the protocol, kept as simple as it
// can be.
type Session struct {
	kit     *kit
	disk    *memdb.DB
	db      database.Database
	plugin  launch.Plugin
	vm      pb.VMServiceClient
	service *remote.Service
	host    *hostServices
	http    *pb.CreateHandlersResponse
	last    *pb.Block
	chain   map[uint64]*pb.Block
	end     *end
	// takesGossip says that it has got work by gossip.
	takesGossip bool

	mu    sync.Mutex
	calls []string
}

// end is how a VM ended.
type end struct {
	done  chan struct{}
	cause error
}

// maxCalls is how many calls of a transcript are kept.
const maxCalls = 40

// note adds a line to the transcript.
func (s *Session) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprintf(format, args...))
	s.calls = s.calls[max(0, len(s.calls)-maxCalls):]
}

func short(id []byte) string { return fmt.Sprintf("%.4x", id) }

// launch starts the VM and initializes it with what is on disk.
func (s *Session) launch() {
	s.db = s.disk.Open()
	s.service = remote.NewService(s.db)
	s.host = &hostServices{session: s, accepted: s.chain, gossiped: make(chan struct{})}
	e := &end{done: make(chan struct{})}
	s.end = e
	plugin, err := s.kit.target.Launch(launch.Request{
		Services: func(r grpc.ServiceRegistrar) {
			pb.RegisterDatabaseServiceServer(r, s.service)
			s.host.register(r)
		},
		OnExit: func(cause error) {
			e.cause = cause
			close(e.done)
		},
		Log: slog.New(&s.kit.output),
	})
	if err != nil {
		s.kit.fail("the plugin doesn't start: %v", err)
	}
	s.plugin, s.vm = plugin, pb.NewVMServiceClient(plugin.Conn())
	s.initialize()
}

func (s *Session) initialize() {
	address, token, runDir := s.plugin.Host()
	r := &pb.InitializeRequest{
		NetworkId: 1, Chain: "test", ChainId: ChainID[:], NodeId: make([]byte, 32),
		Genesis: s.kit.options.Genesis, Config: s.kit.options.Config, LastAccepted: s.last,
		HostAddress: address, HostToken: token, RunDir: runDir, LogLevel: int32(slog.LevelError),
		Extensions:       []*pb.FeatureExtension{{Id: "ed25519", Version: 1}},
		HostCapabilities: launch.Capabilities(s.plugin),
	}
	a := call(s, "Initialize", r, s.vm.Initialize)
	s.must("Initialize", a.GetError())
	if s.last == nil {
		s.write(a.GetWrites())
		s.last = a.GetLastAccepted()
		s.chain[s.last.GetHeight()] = s.last
	} else if !bytes.Equal(a.GetLastAccepted().GetId(), s.last.GetId()) {
		s.kit.fail("started again after block %s of height %d, the VM says that it stands at %s of height %d",
			short(s.last.GetId()), s.last.GetHeight(), short(a.GetLastAccepted().GetId()),
			a.GetLastAccepted().GetHeight())
	}
	state := call(s, "SetState", &pb.SetStateRequest{State: pb.ChainState_CHAIN_STATE_NORMAL_OPERATION}, s.vm.SetState)
	s.must("SetState", state.GetError())
}

// method is one of the VM's.
type method[Q, A any] func(context.Context, Q, ...grpc.CallOption) (A, error)

// call makes a call and fails the check when the VM doesn't answer it.
func call[Q, A any](s *Session, what string, q Q, f method[Q, A]) A {
	a, err := attempt(s, what, q, f)
	if err != nil {
		s.note("%v", err)
		s.kit.fail("%v", err)
	}
	s.note("%s", what)
	return a
}

// attempt makes a call. The error says in words why there is no answer.
func attempt[Q, A any](s *Session, what string, q Q, f method[Q, A]) (A, error) {
	limit := s.kit.options.CallLimit
	if _, starts := any(q).(*pb.InitializeRequest); starts {
		limit = s.kit.options.StartLimit
	}
	ctx, cancel := context.WithTimeout(s.kit.ctx, limit)
	defer cancel()
	a, err := f(ctx, q)
	switch status.Code(err) {
	case codes.OK:
		return a, nil
	case codes.DeadlineExceeded:
		return a, fmt.Errorf("%s: no answer within %v", what, limit)
	}
	select {
	case <-s.end.done:
		return a, fmt.Errorf("%s: the VM ended: %v", what, s.end.cause)
	case <-time.After(time.Second): // it has an end to come to light
		return a, fmt.Errorf("%s: %s", what, status.Convert(err).Message())
	}
}

// must fails the check on an error that the VM had no reason for.
func (s *Session) must(what string, e *pb.Error) {
	if err := vmsdk.ErrorFromProto(e); err != nil {
		s.kit.fail("%s: %v", what, err)
	}
}

// crash kills the VM and loses what wasn't written.
func (s *Session) crash() {
	s.note("crash")
	s.plugin.Kill()
	<-s.end.done
	s.service.Close()
	s.disk.Crash()
}

func (s *Session) kill() {
	if s.plugin != nil {
		s.plugin.Kill()
	}
}

func (s *Session) write(writes []*pb.Write) {
	if err := s.db.Write(context.Background(), remote.BatchOf(writes), database.Sync); err != nil {
		s.kit.fail("the VM's writes can't be written: %v", err)
	}
}

// work has the VM get its n-th piece of work.
func (s *Session) work(n int) {
	if s.kit.options.Work == nil {
		return
	}
	s.note("work %d", n)
	if err := s.kit.options.Work(s, n); err != nil {
		s.kit.fail("the VM refuses work %d: %v", n, err)
	}
}

// build asks for a block; the n-th second is its time.
func (s *Session) build(n int) *pb.Block {
	b, e := s.tryBuild(n)
	s.must("BuildBlock", e)
	return b
}

func (s *Session) tryBuild(n int) (*pb.Block, *pb.Error) {
	at := time.Date(2030, 1, 1, 0, 0, n, 0, time.UTC)
	a := call(s, fmt.Sprintf("BuildBlock at second %d", n), &pb.BuildBlockRequest{
		Context: &pb.BuildContext{Proposer: peer[:], Time: timestamppb.New(at)}}, s.vm.BuildBlock)
	return a.GetBlock(), a.GetError()
}

func (s *Session) parse(content []byte) (*pb.Block, *pb.Error) {
	what := fmt.Sprintf("ParseBlock of %d bytes", len(content))
	a := call(s, what, &pb.ParseBlockRequest{Contents: [][]byte{content}}, s.vm.ParseBlock)
	if len(a.GetResults()) != 1 {
		s.kit.fail("ParseBlock of one block gave %d results", len(a.GetResults()))
	}
	return a.GetResults()[0].GetBlock(), a.GetResults()[0].GetError()
}

func (s *Session) tryVerify(b *pb.Block) *pb.Error {
	r := &pb.VerifyBlockRequest{BlockId: b.GetId(), Content: b.GetContent()}
	return call(s, "VerifyBlock "+short(b.GetId()), r, s.vm.VerifyBlock).GetError()
}

func (s *Session) verify(b *pb.Block) { s.must("VerifyBlock "+short(b.GetId()), s.tryVerify(b)) }

func (s *Session) prefer(b *pb.Block) {
	a := call(s, "SetPreference "+short(b.GetId()), &pb.SetPreferenceRequest{BlockId: b.GetId()}, s.vm.SetPreference)
	s.must("SetPreference", a.GetError())
}

// decide asks for a block's writes without committing them.
func (s *Session) decide(b *pb.Block) []*pb.Write {
	a := call(s, "AcceptBlock "+short(b.GetId()), &pb.AcceptBlockRequest{BlockId: b.GetId()}, s.vm.AcceptBlock)
	s.must("AcceptBlock", a.GetError())
	return a.GetWrites()
}

func (s *Session) accept(b *pb.Block) {
	s.commit(b, s.decide(b))
}

// commit makes what an accepted block has written durable, and says so.
func (s *Session) commit(b *pb.Block, writes []*pb.Write) {
	s.write(writes)
	s.last = b
	s.host.add(b)
	call(s, fmt.Sprintf("Committed up to height %d", b.GetHeight()),
		&pb.CommittedRequest{Height: b.GetHeight()}, s.vm.Committed)
}

func (s *Session) reject(b *pb.Block) {
	a := call(s, "RejectBlock "+short(b.GetId()), &pb.RejectBlockRequest{BlockId: b.GetId()}, s.vm.RejectBlock)
	s.must("RejectBlock", a.GetError())
}

// state is everything in the VM's database.
func (s *Session) state() state {
	all := state{}
	it := s.db.Iterate(context.Background(), nil, nil)
	defer it.Close()
	for it.Next() {
		all[string(it.Key())] = string(it.Value())
	}
	return all
}

// Gossip passes a peer's message to the VM.
func (s *Session) Gossip(message []byte) error {
	ctx, cancel := context.WithTimeout(s.kit.ctx, s.kit.options.CallLimit)
	defer cancel()
	_, err := s.vm.AppGossip(ctx, &pb.AppGossipRequest{NodeId: peer[:], Gossip: message})
	return err
}

// HTTP makes a request to the VM's handlers, and gives the status and the body.
func (s *Session) HTTP(method, path string, body []byte) (int, []byte, error) {
	return s.request(method, path, body, true)
}

func (s *Session) request(method, path string, body []byte, token bool) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(s.kit.ctx, s.kit.options.CallLimit)
	defer cancel()
	if s.http == nil {
		h, err := s.vm.CreateHandlers(ctx, &pb.CreateHandlersRequest{})
		if err != nil {
			return 0, nil, err
		}
		s.http = h
	}
	if s.http.GetSocket() == "" {
		return 0, nil, fmt.Errorf("the VM serves no HTTP")
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.http.GetSocket())
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial}}
	r, err := http.NewRequestWithContext(ctx, method, "http://vm/ext/bc/test"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if token {
		r.Header.Set(vmsdk.TokenHeader, s.http.GetToken())
	}
	answer, err := client.Do(r)
	if errors.Is(err, context.DeadlineExceeded) {
		return 0, nil, fmt.Errorf("no answer within %v", s.kit.options.CallLimit)
	}
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, content, err
}
