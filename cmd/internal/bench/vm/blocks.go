package vm

import (
	"time"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	"github.com/reevenet/reeve/internal/core/primitives"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// cycle is how long each step of one block took.
type cycle struct{ build, verify, prefer, accept time.Duration }

func (c cycle) of(step string) time.Duration {
	switch step {
	case "build":
		return c.build
	case "verify":
		return c.verify
	case "prefer":
		return c.prefer
	case "accept":
		return c.accept
	}
	return c.build + c.verify + c.prefer + c.accept
}

// blocks is a round of blocks of one transaction each; the order's operation says which step is timed, or "block" for
// all.
func (s *session) blocks(order rounds.Order) rounds.Result {
	return timed(order, func() (time.Duration, error) {
		if err := s.post(); err != nil {
			return 0, err
		}
		c, err := s.block()
		return c.of(order.Op), err
	})
}

// block builds, verifies, prefers and accepts one block, as the engine of a lone validator does. The consensus block
// around it is the block itself: its size is what matters here.
func (s *session) block() (c cycle, err error) {
	began := time.Now()
	lap := func() time.Duration {
		now := time.Now()
		defer func() { began = now }()
		return now.Sub(began)
	}
	built, err := ask[*pluginv1.BuildBlockResponse](s.sub, &pluginv1.BuildBlockRequest{Context: s.buildContext()})
	if err = either(err, built.GetError()); err != nil {
		return c, err
	}
	c.build = lap()
	b := built.GetBlock()
	verified, err := ask[*pluginv1.VerifyBlockResponse](s.sub, &pluginv1.VerifyBlockRequest{BlockId: b.GetId()})
	if err = either(err, verified.GetError()); err != nil {
		return c, err
	}
	c.verify = lap()
	preferred, err := ask[*pluginv1.SetPreferenceResponse](s.sub, &pluginv1.SetPreferenceRequest{BlockId: b.GetId()})
	if err = either(err, preferred.GetError()); err != nil {
		return c, err
	}
	c.prefer = lap()
	id := primitives.HashOf(b.GetContent())
	accepted, err := ask[*vmv1.AcceptBlockResponse](s.sub, &vmv1.AcceptBlock{
		VmBlockId: b.GetId(), BlockId: id[:], Height: b.GetHeight(), ConsensusBlock: b.GetContent(),
		VmBlockSize: uint32(len(b.GetContent())),
	})
	c.accept = lap()
	return c, either(err, accepted.GetError())
}

func either(err error, refused *pluginv1.Error) error {
	if err != nil {
		return err
	}
	return refusal(refused)
}
