package engine

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/subsystem"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// starter asks the VM's host for the last accepted block until it answers, and then once begins on it.
type starter struct {
	sub     *subsystem.Sub
	host    *hostHealth
	begin   func(last *vmv1.AcceptedBlock)
	stopped bool
}

func (s *starter) ask(pause time.Duration) {
	s.sub.After(pause, func() {
		subsystem.Ask(s.sub, &vmv1.LastAccepted{}, askTimeout, func(r *vmv1.LastAcceptedResponse, err error) {
			switch {
			case s.stopped:
			case err != nil:
				s.again(err.Error(), pause)
			case r.GetError() != nil:
				s.again(describe(r.GetError()), pause)
			default:
				s.host.answers()
				s.begin(r.GetBlock())
			}
		})
	})
}

func (s *starter) again(why string, pause time.Duration) {
	if s.host.fails(why) {
		s.sub.Log.Info("waiting for the VM's host", "err", why)
	}
	s.ask(longer(pause))
}

// readAnchor reads an entry of the record, and the id of the VM block in it. The genesis block has no consensus block.
func readAnchor(chain block.Chain, last *vmv1.AcceptedBlock) (a snowman.Anchor, vmID primitives.Hash, err error) {
	if a.ID, err = primitives.HashFrom(last.GetBlockId()); err != nil {
		return a, vmID, err
	}
	if vmID, err = primitives.HashFrom(last.GetVmBlockId()); err != nil {
		return a, vmID, err
	}
	if a.Height = last.GetHeight(); a.Height == 0 {
		return a, vmID, nil
	}
	b, err := block.Decode(chain, last.GetConsensusBlock())
	if err != nil {
		return a, vmID, err
	}
	if b.ID() != a.ID || b.Height != a.Height {
		return a, vmID, fmt.Errorf("block %s at height %d is recorded as %s at height %d",
			b.ID().Short(), b.Height, a.ID.Short(), a.Height)
	}
	a.Time = b.Time
	return a, vmID, nil
}
