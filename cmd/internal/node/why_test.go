package node

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// memory stands in for an engine: it decides height 9, and has forgotten what is below.
type memory struct{ processing primitives.Hash }

func (memory) Signal(*overseerv1.Signal) {}

func (e memory) Handle(m *subsystem.Message) {
	q, ok := m.Body.(*enginev1.QueryHeight)
	if !ok {
		m.Unknown()
		return
	}
	r := &enginev1.QueryHeightResponse{Height: q.GetHeight(), Certificates: 8, Absences: []uint32{2}}
	named := string(q.GetBlockId()) == string(e.processing[:])
	if next := len(q.GetBlockId()) == 0 && q.GetHeight() == 0; next || named || q.GetHeight() == 9 {
		vote := &enginev1.Vote{Phase: enginev1.Phase_PHASE_PREPARE, BlockId: e.processing[:]}
		r.Height = 9
		r.Standing = &enginev1.Standing{Round: 2, Begun: true, Silent: []uint32{0}}
		r.Votes = []*enginev1.SeenVote{{Vote: vote, Seen: timestamppb.New(time.Unix(1000, 0))}}
	}
	if named {
		r.State = enginev1.BlockState_BLOCK_STATE_PROCESSING
	}
	m.Reply(r)
}

func TestTheEngineAndTheRecordSayWhy(t *testing.T) {
	n := newNode(t)
	c := block.Chain{NetworkID: n.NetworkNumber(), ID: n.Genesis.Chains[0].ID}
	b, kept := certified(t, c)
	processing := primitives.Hash{7}
	run(t, n.Overseer)
	run(t, func(ctx context.Context) error {
		return n.attach(ctx, t, "vm", record{&vmv1.AcceptedBlock{BlockId: c.ID[:], VmBlockId: c.ID[:]}, kept})
	})
	run(t, func(ctx context.Context) error { return n.attach(ctx, t, "engine", memory{processing}) })

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ask := func(at string) (*gateway.Why, error) { return devnet.Why(ctx, n.Config.HTTP.Listen, "kv", at) }
	w := answered(ctx, t, func() (*gateway.Why, error) { return ask("5") })
	if w.State != "accepted" || w.Decision == nil || w.Decision.Block != b.ID() || w.Decision.Signed[0] != "v1" ||
		len(w.Votes) != 1 || w.Votes[0].Phase != "commit" || !w.Votes[0].Seen.IsZero() {
		t.Errorf("of a height that the engine has forgotten: %+v", w)
	}
	if w, err := ask(b.ID().String()); err != nil || w.Height != 5 || w.State != "accepted" || w.Decision == nil {
		t.Errorf("by id: %+v, %v", w, err)
	}
	for _, at := range []string{"next", "9", processing.String()} {
		w, err := ask(at)
		if err != nil || w.Height != 9 || w.Standing == nil || len(w.Votes) != 1 || len(w.Absences) != 1 {
			t.Fatalf("%s: %+v, %v", at, w, err)
		}
		if w.Standing.Round != 2 || w.Standing.VotesMissing[0] != "v1" || w.Absences[0].Missing != 2 {
			t.Errorf("%s: %+v, %+v", at, w.Standing, w.Absences)
		}
		if v := w.Votes[0]; v.Validator != "v1" || v.Phase != "prepare" || v.Seen.Unix() != 1000 {
			t.Errorf("%s: %+v", at, v)
		}
		if named := at == processing.String(); (w.State == "processing") != named || w.Block.IsZero() == named {
			t.Errorf("%s is %q of block %s", at, w.State, w.Block)
		}
	}
	for _, at := range []string{"0", "6", "10", "nonsense", strings.Repeat("f", 64)} {
		if w, err := ask(at); !errors.Is(err, gateway.ErrNoBlock) {
			t.Errorf("block %s: %+v, %v", at, w, err)
		}
	}
}
