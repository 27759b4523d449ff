package vmsdk

import (
	"context"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/core/primitives"
	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/remote"
)

// Server serves a VM over the plugin protocol: the same for a plugin process, a pipe in a test and a simulation. It
// keeps the rules that the package comment promises.
type Server struct {
	pb.UnimplementedVMServiceServer
	vm      VM
	env     Environment
	tracing *tracing

	// mu is held for the whole of a block call: they come one at a time.
	mu    sync.Mutex
	chain *Chain
	host  *host
	tree  *tree
	http  *httpServer
	// up is set between Initialize and Shutdown.
	up atomic.Bool
	// runDir is where the HTTP socket goes.
	runDir string
	// hostCan are the host's capabilities.
	hostCan []string
	commits commits
}

// NewServer serves vm.
func NewServer(vm VM, env Environment) *Server {
	return &Server{vm: vm, env: env.withDefaults(), tracing: newTracing(env.Tracer, env.Sampled)}
}

// Register puts the VM's services on a gRPC server, or on whatever takes services.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	pb.RegisterVMServiceServer(r, s)
	if syncer, ok := s.vm.(StateSyncer); ok {
		pb.RegisterStateSyncServiceServer(r, &syncServer{vm: syncer})
	}
	if runtime, ok := s.vm.(ParachainRuntime); ok {
		pb.RegisterParachainRuntimeServiceServer(r, &runtimeServer{vm: runtime})
	}
}

// Close lets go of what the server holds, after Shutdown or without it.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeHTTP()
	if s.host != nil {
		s.host.close()
	}
}

// blockCall runs one block call alone. The host sends the next one only after it has committed what the last one wrote,
// but what a block wrote may not be durable yet. The genesis block's writes are.
func (s *Server) blockCall(f func(*tree) error) *pb.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tree == nil {
		return ErrorToProto(&UnavailableError{Cause: "the VM isn't initialized"})
	}
	s.host.db.Settle()
	s.host.db.Committed(0)
	return ErrorToProto(f(s.tree))
}

// BuildBlock has the VM build on the preferred block.
func (s *Server) BuildBlock(ctx context.Context, r *pb.BuildBlockRequest) (*pb.BuildBlockResponse, error) {
	out := &pb.BuildBlockResponse{}
	out.Error = s.blockCall(func(t *tree) error {
		if len(r.GetParentId()) > 0 && !t.prefer(idOf(r.GetParentId())) {
			return ErrNotFound
		}
		defer s.tracing.begin(ctx)()
		parent, _ := t.live(t.preferred)
		b, err := s.vm.BuildBlock(ctx, parent, contextFrom(r.GetContext()))
		if err != nil {
			return err
		}
		out.Block = wholeToProto(t.remember(b))
		return nil
	})
	return out, nil
}

// ParseBlock has the VM look at strangers' bytes.
func (s *Server) ParseBlock(ctx context.Context, r *pb.ParseBlockRequest) (*pb.ParseBlockResponse, error) {
	out := &pb.ParseBlockResponse{}
	for _, content := range r.GetContents() {
		result := &pb.ParseResult{}
		result.Error = s.blockCall(func(t *tree) error {
			b, err := s.parse(ctx, t, content)
			if err != nil {
				return err
			}
			result.Block = blockToProto(b)
			return nil
		})
		out.Results = append(out.Results, result)
	}
	return out, nil
}

func (s *Server) parse(ctx context.Context, t *tree, content []byte) (Block, error) {
	var b Block
	err := s.heed(ctx, func() (err error) {
		b, err = s.vm.ParseBlock(ctx, content)
		return err
	}, isInvalid)
	if err != nil {
		return nil, err
	}
	return t.remember(b), nil
}

// VerifyBlock makes a block processing.
func (s *Server) VerifyBlock(ctx context.Context, r *pb.VerifyBlockRequest) (*pb.VerifyBlockResponse, error) {
	out := &pb.VerifyBlockResponse{}
	out.Error = s.blockCall(func(t *tree) error {
		b, err := s.find(ctx, t, r)
		if err != nil {
			return err
		}
		if _, done := t.live(b.ID()); !done {
			if err := s.verify(ctx, t, b, contextFrom(r.GetContext())); err != nil {
				return err
			}
			t.verified(b)
		} else if bound, is := b.(Bound); is {
			if err := s.heed(ctx, func() error { return bound.Fits(contextFrom(r.GetContext())) }, isInvalid); err != nil {
				return err
			}
		}
		out.Block = blockToProto(b)
		return nil
	})
	return out, nil
}

// find is the block that a request names, with or without its bytes.
func (s *Server) find(ctx context.Context, t *tree, r *pb.VerifyBlockRequest) (Block, error) {
	var id ID
	if len(r.GetBlockId()) > 0 {
		var err error
		if id, err = primitives.HashFrom(r.GetBlockId()); err != nil {
			return nil, &InvalidError{Reason: err.Error()}
		}
		if b, ok := t.known(id); ok {
			return b, nil
		}
	}
	if len(r.GetContent()) == 0 {
		return nil, ErrNotFound
	}
	b, err := s.parse(ctx, t, r.GetContent())
	if err != nil {
		return nil, err
	}
	if !id.IsZero() && b.ID() != id {
		return nil, Invalidf("the bytes are block %v, not %v", b.ID().Short(), id.Short())
	}
	return b, nil
}

func (s *Server) verify(ctx context.Context, t *tree, b Block, build BuildContext) error {
	if b.Height() <= t.lastAccepted.Height() {
		return Invalidf("height %d is decided already", b.Height())
	}
	parent, ok := t.live(b.Parent())
	if !ok {
		return &MissingParentError{Parent: b.Parent()}
	}
	if b.Height() != parent.Height()+1 {
		return Invalidf("height %d on a parent of height %d", b.Height(), parent.Height())
	}
	return s.heed(ctx, func() error { return b.Verify(ctx, parent, build) }, isInvalid)
}

// AcceptBlock hands out what the block writes.
func (s *Server) AcceptBlock(ctx context.Context, r *pb.AcceptBlockRequest) (*pb.AcceptBlockResponse, error) {
	out := &pb.AcceptBlockResponse{}
	out.Error = s.blockCall(func(t *tree) error {
		b, processing := t.processing[idOf(r.GetBlockId())]
		if !processing {
			return ErrNotFound
		}
		if b.Parent() != t.lastAccepted.ID() {
			return Corruptf("asked to accept %v, whose parent isn't the last accepted block", b.ID().Short())
		}
		defer s.tracing.begin(ctx)()
		var batch database.Batch
		if err := s.heed(ctx, func() error { return b.Accept(ctx, &batch) }, isFatal); err != nil {
			return err
		}
		if err := batch.Check(); err != nil {
			return Corruptf("block %v: %v", b.ID().Short(), err)
		}
		t.accepted(b)
		s.host.db.Stage(b.Height(), &batch)
		s.accepted(ctx, b)
		out.Writes = remote.WritesOf(&batch)
		return nil
	})
	return out, nil
}

// RejectBlock forgets a block.
func (s *Server) RejectBlock(ctx context.Context, r *pb.RejectBlockRequest) (*pb.RejectBlockResponse, error) {
	out := &pb.RejectBlockResponse{}
	out.Error = s.blockCall(func(t *tree) error {
		b, processing := t.processing[idOf(r.GetBlockId())]
		if !processing {
			return nil // as good as rejected
		}
		t.rejected(b.ID())
		return b.Reject(ctx)
	})
	return out, nil
}

// SetPreference remembers what to build on.
func (s *Server) SetPreference(_ context.Context, r *pb.SetPreferenceRequest) (*pb.SetPreferenceResponse, error) {
	out := &pb.SetPreferenceResponse{}
	out.Error = s.blockCall(func(t *tree) error {
		if !t.prefer(idOf(r.GetBlockId())) {
			return ErrNotFound
		}
		return nil
	})
	return out, nil
}

// LastAccepted is the tree's root.
func (s *Server) LastAccepted(context.Context, *pb.LastAcceptedRequest) (*pb.LastAcceptedResponse, error) {
	out := &pb.LastAcceptedResponse{}
	out.Error = s.blockCall(func(t *tree) error {
		id := t.lastAccepted.ID()
		out.Block = &pb.BlockRef{Id: id[:], Height: t.lastAccepted.Height()}
		return nil
	})
	return out, nil
}

// wholeToProto is a block with its bytes, for a host that doesn't have them.
func wholeToProto(b Block) *pb.Block {
	out := blockToProto(b)
	out.Content = b.Bytes()
	return out
}

func blockToProto(b Block) *pb.Block {
	id, parent := b.ID(), b.Parent()
	return &pb.Block{Id: id[:], ParentId: parent[:], Height: b.Height(), Timestamp: timestamppb.New(b.Timestamp())}
}
