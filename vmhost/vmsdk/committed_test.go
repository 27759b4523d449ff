package vmsdk_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// chainVM is a chain of blocks of one byte, their height. It writes down what it is told to be committed.
type chainVM struct {
	vmsdk.Base
	chain     *vmsdk.Chain
	committed []uint64
}

type chainBlock byte

func (b chainBlock) ID() vmsdk.ID                                                { return vmsdk.IDOf([]byte{byte(b)}) }
func (b chainBlock) Height() uint64                                              { return uint64(b) }
func (b chainBlock) Timestamp() time.Time                                        { return time.UnixMilli(0) }
func (b chainBlock) Bytes() []byte                                               { return []byte{byte(b)} }
func (chainBlock) Verify(context.Context, vmsdk.Block, vmsdk.BuildContext) error { return nil }
func (chainBlock) Accept(context.Context, *database.Batch) error                 { return nil }
func (chainBlock) Reject(context.Context) error                                  { return nil }

func (b chainBlock) Parent() vmsdk.ID {
	if b == 0 {
		return vmsdk.ID{}
	}
	return (b - 1).ID()
}

func (vm *chainVM) Initialize(_ context.Context, chain *vmsdk.Chain, _ *database.Batch) (vmsdk.Block, error) {
	vm.chain = chain
	return chainBlock(0), nil
}

func (*chainVM) ParseBlock(_ context.Context, content []byte) (vmsdk.Block, error) {
	return chainBlock(content[0]), nil
}

func (*chainVM) BuildBlock(context.Context, vmsdk.Block, vmsdk.BuildContext) (vmsdk.Block, error) {
	return nil, vmsdk.ErrNothingToBuild
}

func (vm *chainVM) Committed(_ context.Context, b vmsdk.Block) {
	vm.committed = append(vm.committed, b.Height())
}

// brokenDisk is a host whose database can't be read.
type brokenDisk struct{ grpc.ClientConnInterface }

func (brokenDisk) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	return status.Error(codes.Internal, "checksum mismatch")
}

// serving serves a VM to a host that can do this.
func serving(t *testing.T, can ...string) (*vmsdk.Server, *chainVM, *time.Time) {
	t.Helper()
	now := time.Unix(1000, 0)
	vm := &chainVM{}
	s := vmsdk.NewServer(vm, vmsdk.Environment{Host: brokenDisk{}, Now: func() time.Time { return now }})
	a, err := s.Initialize(t.Context(), &pb.InitializeRequest{
		ChainId: make([]byte, 32), NodeId: make([]byte, 32), HostCapabilities: can,
	})
	if err != nil || a.GetError() != nil {
		t.Fatal(err, a.GetError())
	}
	return s, vm, &now
}

func decide(t *testing.T, s *vmsdk.Server, heights ...byte) {
	t.Helper()
	for _, height := range heights {
		id := chainBlock(height).ID()
		v, err := s.VerifyBlock(t.Context(), &pb.VerifyBlockRequest{Content: []byte{height}})
		if err != nil || v.GetError() != nil {
			t.Fatal(err, v.GetError())
		}
		a, err := s.AcceptBlock(t.Context(), &pb.AcceptBlockRequest{BlockId: id[:]})
		if err != nil || a.GetError() != nil {
			t.Fatal(err, a.GetError())
		}
	}
}

func TestAVMIsToldOfEachBlockOnceWhenTheHostSaysThatItIsDurable(t *testing.T) {
	s, vm, _ := serving(t, vmsdk.HostCommits)
	decide(t, s, 1, 2, 3)
	if len(vm.committed) != 0 {
		t.Fatalf("told of %v before the host has said anything", vm.committed)
	}
	for _, height := range []uint64{2, 2, 1, 3} {
		if _, err := s.Committed(t.Context(), &pb.CommittedRequest{Height: height}); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(vm.committed, []uint64{1, 2, 3}) {
		t.Errorf("told of %v", vm.committed)
	}
}

func TestUnderAHostThatSaysNothingOfDurabilityABlockCountsWhenItIsAccepted(t *testing.T) {
	s, vm, _ := serving(t)
	decide(t, s, 1, 2)
	if !slices.Equal(vm.committed, []uint64{1, 2}) {
		t.Errorf("told of %v", vm.committed)
	}
}

func TestAVMThatCantReadIsntHealthyForAMinute(t *testing.T) {
	s, vm, now := serving(t, vmsdk.HostCommits)
	health := func() *pb.HealthCheckResponse {
		a, err := s.HealthCheck(t.Context(), &pb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := health(); !a.GetHealthy() {
		t.Fatalf("before anything was read: %v", a)
	}
	for _, read := range []func() error{
		func() error { _, err := vm.chain.DB.Get(t.Context(), []byte("k")); return err },
		func() error { _, err := vm.chain.Durable.Has(t.Context(), []byte("k")); return err },
		func() error { _, err := vm.chain.Blocks.AtHeight(t.Context(), 1); return err },
	} {
		*now = now.Add(2 * time.Minute)
		if a := health(); !a.GetHealthy() {
			t.Errorf("two minutes after a read failed: %v", a)
		}
		if err := read(); err == nil || errors.Is(err, vmsdk.ErrNotFound) {
			t.Errorf("a read that failed is %v", err)
		}
		if a := health(); a.GetHealthy() || !strings.Contains(a.GetCause(), "checksum mismatch") {
			t.Errorf("after a read that failed: %v", a)
		}
	}
}
