package vmhost

import (
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/core/primitives"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
)

// listener is a plugin that writes down what it is told to be durable.
type listener struct {
	pluginv1.VMServiceClient
	heights []uint64
	err     error
	during  func()
}

func (l *listener) Committed(
	_ context.Context, r *pluginv1.CommittedRequest, _ ...grpc.CallOption,
) (*pluginv1.CommittedResponse, error) {
	l.heights = append(l.heights, r.GetHeight())
	if l.during != nil {
		l.during()
	}
	return &pluginv1.CommittedResponse{}, l.err
}

// durableOf makes the part with a record of one block and a plugin that listens.
func durableOf(t *testing.T) (*fixture, *durable, *listener) {
	f := newFixture(t)
	store, err := chainstore.Open(t.Context(), memdb.New().Open(), primitives.Hash{1})
	if err != nil {
		t.Fatal(err)
	}
	d := &durable{sub: f.sub, life: f.life, store: store}
	d.commit(t, 0)
	f.life.start()
	f.Step()
	l := &listener{}
	f.life.gen.clients = clients{vm: l}
	return f, d, l
}

func (d *durable) commit(t *testing.T, height uint64) {
	t.Helper()
	id := primitives.Hash{byte(height + 1)}
	e := &chainstore.Entry{BlockID: id, VMBlock: id, Height: height, Content: []byte("block")}
	if err := d.store.Commit(context.Background(), e, &database.Batch{}, database.Sync); err != nil {
		t.Fatal(err)
	}
}

func TestAPluginThatTakesItsTimeIsToldOfManyBlocksAtOnce(t *testing.T) {
	f, d, l := durableOf(t)
	l.during = func() { // while it is told of the first
		l.during = nil
		for height := range uint64(3) {
			d.commit(t, height+2)
		}
	}
	d.commit(t, 1)
	d.tell()
	d.tell()
	f.Step()
	if !slices.Equal(l.heights, []uint64{1, 4}) {
		t.Errorf("told of heights %v, want 1, then all up to 4", l.heights)
	}
	d.tell()
	f.Step()
	if len(l.heights) != 2 {
		t.Errorf("told again: %v", l.heights)
	}
}

func TestAPluginOfAnOlderProtocolIsLeftAlone(t *testing.T) {
	f, d, l := durableOf(t)
	l.err = status.Error(codes.Unimplemented, "no such method")
	for height := range uint64(2) {
		d.commit(t, height+1)
		d.tell()
		f.Step()
	}
	if len(l.heights) != 1 || f.downs != 0 {
		t.Errorf("told %d times, replaced %d times; want once and never", len(l.heights), f.downs)
	}
}

func TestAPluginThatDoesntTakeWhatIsDurableIsReplacedAndTheNextOneIsTold(t *testing.T) {
	f, d, l := durableOf(t)
	l.err = status.Error(codes.DeadlineExceeded, "silence")
	d.commit(t, 1)
	d.tell()
	f.Advance(time.Second)
	if f.downs != 1 || len(f.launched) != 2 {
		t.Fatalf("replaced %d times, %d plugins", f.downs, len(f.launched))
	}
	next := &listener{}
	f.life.gen.clients = clients{vm: next}
	d.commit(t, 2)
	d.tell()
	f.Step()
	if !slices.Equal(next.heights, []uint64{2}) {
		t.Errorf("the next plugin is told of %v", next.heights)
	}
}
