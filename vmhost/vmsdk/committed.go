package vmsdk

import (
	"context"
	"slices"
	"sync"

	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// HostCommits is the capability of a host that says when accepted blocks are durable. For one that doesn't, a block
// counts as durable when it is accepted.
const HostCommits = "committed"

// commits are the accepted blocks of which the VM hasn't been told that they are durable.
type commits struct {
	// telling is held while the VM is told: of one block at a time, in order.
	telling sync.Mutex

	mu     sync.Mutex
	blocks []Block // in order of height
}

func (c *commits) add(b Block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocks = append(c.blocks, b)
}

// take is what is durable when everything up to this height is.
func (c *commits) take(height uint64) []Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for n < len(c.blocks) && c.blocks[n].Height() <= height {
		n++
	}
	durable := c.blocks[:n:n]
	c.blocks = slices.Clone(c.blocks[n:])
	return durable
}

// Committed tells the VM which of its blocks are durable. It takes no lock of a block call's.
func (s *Server) Committed(ctx context.Context, r *pb.CommittedRequest) (*pb.CommittedResponse, error) {
	if s.up.Load() {
		s.committed(ctx, r.GetHeight())
	}
	return &pb.CommittedResponse{}, nil
}

func (s *Server) committed(ctx context.Context, height uint64) {
	s.commits.telling.Lock()
	defer s.commits.telling.Unlock()
	s.host.db.Committed(height) // first: who is shown the block may read at once
	for _, b := range s.commits.take(height) {
		s.vm.Committed(ctx, b)
	}
}

// accepted takes a block that is in the batch that the host commits next.
func (s *Server) accepted(ctx context.Context, b Block) {
	s.commits.add(b)
	if !slices.Contains(s.hostCan, HostCommits) {
		s.committed(ctx, b.Height())
	}
}
