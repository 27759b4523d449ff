package vmsdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/reevenet/reeve/internal/core/primitives"
	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/remote"
)

// SDKVersion is what Describe calls this SDK.
const SDKVersion = "vmsdk 1"

// Describe is what the VM is, before anything else.
func (s *Server) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	name, version := s.vm.Version()
	out := &pb.DescribeResponse{Name: name, Version: version, Sdk: SDKVersion}
	if _, ok := s.vm.(StateSyncer); ok {
		out.Capabilities = append(out.Capabilities, CapabilityStateSync)
	}
	if _, ok := s.vm.(ParachainRuntime); ok {
		out.Capabilities = append(out.Capabilities, CapabilityParachainRuntime)
	}
	if user, ok := s.vm.(ExtensionUser); ok {
		out.RequiredExtensions = user.RequiredExtensions()
	}
	return out, nil
}

// Initialize gives the VM its chain and checks that both stand at the same block.
func (s *Server) Initialize(ctx context.Context, r *pb.InitializeRequest) (*pb.InitializeResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &pb.InitializeResponse{}
	var batch database.Batch
	b, err := s.initialize(ctx, r, &batch)
	if err != nil {
		out.Error = ErrorToProto(err)
		return out, nil
	}
	s.tree = newTree(b)
	s.up.Store(true)
	s.host.db.Stage(b.Height(), &batch)
	out.Writes = remote.WritesOf(&batch)
	out.LastAccepted = blockToProto(b)
	if r.GetLastAccepted() == nil {
		out.LastAccepted.Content = b.Bytes()
	}
	s.answerFastCalls()
	return out, nil
}

func (s *Server) initialize(ctx context.Context, r *pb.InitializeRequest, batch *database.Batch) (Block, error) {
	if s.tree != nil {
		return nil, fmt.Errorf("the VM is initialized already")
	}
	s.env.Level.Set(slog.Level(r.GetLogLevel()))
	host, err := s.connect(r)
	if err != nil {
		return nil, err
	}
	chain, err := s.chainFrom(r, host)
	if err != nil {
		host.close()
		return nil, err
	}
	s.host, s.chain, s.runDir, s.hostCan = host, chain, r.GetRunDir(), r.GetHostCapabilities()
	b, err := s.vm.Initialize(ctx, chain, batch)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, fmt.Errorf("the VM's Initialize returned no block")
	}
	if last := chain.LastAccepted; last != nil && (b.ID() != last.ID || b.Height() != last.Height) {
		return nil, Corruptf("the VM stands at block %v, height %d, the record ends with %v, height %d",
			b.ID().Short(), b.Height(), last.ID.Short(), last.Height)
	}
	return b, batch.Check()
}

func (s *Server) chainFrom(r *pb.InitializeRequest, h *host) (*Chain, error) {
	id, err := primitives.HashFrom(r.GetChainId())
	if err != nil {
		return nil, fmt.Errorf("chain id: %w", err)
	}
	node, err := primitives.NodeIDFrom(r.GetNodeId())
	if err != nil {
		return nil, err
	}
	c := &Chain{
		NetworkID: r.GetNetworkId(), Name: r.GetChain(), ID: id, NodeID: node,
		Genesis: r.GetGenesis(), Upgrade: r.GetUpgrade(), Config: r.GetConfig(),
		Extensions: make(map[string]uint32),
		DB:         h.db, Durable: h.db.Durable(), Blocks: h, Sender: h, Notify: h.notifier.notify,
		Log: s.env.Log, Now: s.env.Now, After: s.env.After, tracing: s.tracing, notifyIn: h.notifier.notifyIn,
	}
	for _, e := range r.GetExtensions() {
		c.Extensions[e.GetId()] = e.GetVersion()
	}
	if b := r.GetLastAccepted(); b != nil {
		last, err := acceptedFrom(b)
		if err != nil {
			return nil, err
		}
		c.LastAccepted = last
	}
	return c, nil
}

// SetState passes the engine's stage on.
func (s *Server) SetState(ctx context.Context, r *pb.SetStateRequest) (*pb.SetStateResponse, error) {
	out := &pb.SetStateResponse{}
	out.Error = s.blockCall(func(t *tree) error {
		if err := s.vm.SetState(ctx, State(r.GetState())); err != nil {
			return err
		}
		if err := s.afterSync(ctx, r.GetState()); err != nil {
			return err
		}
		out.LastAccepted = wholeToProto(s.tree.lastAccepted)
		return nil
	})
	return out, nil
}

// afterSync moves the tree to where a state sync has brought the VM.
func (s *Server) afterSync(ctx context.Context, state pb.ChainState) error {
	syncer, ok := s.vm.(StateSyncer)
	if !ok || state == pb.ChainState_CHAIN_STATE_SYNCING {
		return nil
	}
	b, err := syncer.Synced(ctx)
	if err != nil {
		return err
	}
	if b != nil && b.Height() > s.tree.lastAccepted.Height() {
		s.tree = newTree(b)
		s.accepted(ctx, b)
	}
	return nil
}

// Shutdown ends the VM.
func (s *Server) Shutdown(ctx context.Context, _ *pb.ShutdownRequest) (*pb.ShutdownResponse, error) {
	s.mu.Lock()
	initialized := s.up.Swap(false)
	s.tree = nil
	s.closeHTTP()
	s.mu.Unlock()
	if !initialized {
		return &pb.ShutdownResponse{}, nil
	}
	if err := s.vm.Shutdown(ctx); err != nil {
		s.env.Log.Warn("the VM's Shutdown failed", "err", err)
	}
	return &pb.ShutdownResponse{}, nil
}

// Ping answers at once: it takes no lock.
func (s *Server) Ping(context.Context, *pb.PingRequest) (*pb.PingResponse, error) {
	return &pb.PingResponse{}, nil
}

// HealthCheck asks the VM. One that can't read isn't healthy, whatever it says.
func (s *Server) HealthCheck(ctx context.Context, _ *pb.HealthCheckRequest) (*pb.HealthCheckResponse, error) {
	out := &pb.HealthCheckResponse{Healthy: true}
	err := s.vm.HealthCheck(ctx)
	if s.up.Load() {
		err = errors.Join(err, s.host.reads.trouble())
	}
	if err != nil {
		out.Healthy, out.Cause = false, err.Error()
	}
	return out, nil
}

// GatherMetrics asks a VM that has some.
func (s *Server) GatherMetrics(ctx context.Context, _ *pb.GatherMetricsRequest) (*pb.GatherMetricsResponse, error) {
	g, ok := s.vm.(MetricsGatherer)
	if !ok {
		return &pb.GatherMetricsResponse{}, nil
	}
	text, err := g.GatherMetrics(ctx)
	return &pb.GatherMetricsResponse{Text: text}, err
}

// SetLogLevel changes what the VM's log lets through.
func (s *Server) SetLogLevel(_ context.Context, r *pb.SetLogLevelRequest) (*pb.SetLogLevelResponse, error) {
	s.env.Level.Set(slog.Level(r.GetLevel()))
	return &pb.SetLogLevelResponse{}, nil
}

func contextFrom(c *pb.BuildContext) BuildContext {
	proposer, _ := primitives.NodeIDFrom(c.GetProposer())
	return BuildContext{
		Inherent: c.GetInherent(), Proposer: proposer, Time: c.GetTime().AsTime(), Parent: idOf(c.GetParent()),
	}
}

func acceptedFrom(b *pb.Block) (*AcceptedBlock, error) {
	id, err := primitives.HashFrom(b.GetId())
	if err != nil {
		return nil, fmt.Errorf("accepted block: %w", err)
	}
	return &AcceptedBlock{ID: id, Height: b.GetHeight(), Content: b.GetContent()}, nil
}
