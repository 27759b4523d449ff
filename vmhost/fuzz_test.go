package vmhost

import (
	"context"
	"testing"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/database/remote"
)

// A plugin may send anything to the host's services.
func FuzzPluginCalls(f *testing.F) {
	seed := func(kind byte, m proto.Message) {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(kind, b)
	}
	seed(0, &pluginv1.SendAppRequestRequest{NodeIds: [][]byte{make([]byte, 32)}, RequestId: 1, Request: []byte("x")})
	seed(1, &pluginv1.SendAppResponseRequest{NodeId: make([]byte, 32), RequestId: 1})
	seed(2, &pluginv1.SendAppGossipRequest{NodeIds: [][]byte{{1}}, Peers: 1 << 31})
	seed(3, &pluginv1.GetAcceptedBlockRequest{Which: &pluginv1.GetAcceptedBlockRequest_BlockId{BlockId: []byte{1}}})
	seed(4, &pluginv1.VerifyEd25519Request{Signatures: []*pluginv1.SignedMessage{{PublicKey: []byte{1}},
		{Signature: make([]byte, 64)}}})
	seed(5, &pluginv1.GetBatchRequest{Keys: [][]byte{nil, {1}}, Snapshot: 9})
	seed(6, &pluginv1.ScanRequest{Start: []byte{2}, End: []byte{1}})
	seed(7, &pluginv1.WriteBatchRequest{Writes: []*pluginv1.Write{{Key: nil}, {Key: []byte{1}, Delete: true}}})

	db := memdb.New().Open()
	r, err := chainstore.Open(context.Background(), db, primitives.Hash{})
	if err != nil {
		f.Fatal(err)
	}
	s := &services{
		store: r, outcomes: newOutcomes(), gossip: rate.NewLimiter(gossipPerS, gossipAtOnce), number: func() uint32 { return 1 }, now: time.Now,
		send: func(context.Context, proto.Message) {}, ask: func(context.Context, *enginev1.SendAppRequest) {},
		notify: func(context.Context, pluginv1.Event) {},
	}
	d := remote.NewService(r.State())
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		ctx := context.Background()
		switch kind % 8 {
		case 0:
			try(b, &pluginv1.SendAppRequestRequest{},
				func(q *pluginv1.SendAppRequestRequest) { _, _ = s.SendAppRequest(ctx, q) })
		case 1:
			try(b, &pluginv1.SendAppResponseRequest{},
				func(q *pluginv1.SendAppResponseRequest) { _, _ = s.SendAppResponse(ctx, q) })
		case 2:
			try(b, &pluginv1.SendAppGossipRequest{},
				func(q *pluginv1.SendAppGossipRequest) { _, _ = s.SendAppGossip(ctx, q) })
		case 3:
			try(b, &pluginv1.GetAcceptedBlockRequest{},
				func(q *pluginv1.GetAcceptedBlockRequest) { _, _ = s.GetAcceptedBlock(ctx, q) })
		case 4:
			try(b, &pluginv1.VerifyEd25519Request{},
				func(q *pluginv1.VerifyEd25519Request) { _, _ = s.VerifyEd25519(ctx, q) })
		case 5:
			try(b, &pluginv1.GetBatchRequest{}, func(q *pluginv1.GetBatchRequest) { _, _ = d.GetBatch(ctx, q) })
		case 6:
			try(b, &pluginv1.ScanRequest{}, func(q *pluginv1.ScanRequest) { _, _ = d.Scan(ctx, q) })
		case 7:
			try(b, &pluginv1.WriteBatchRequest{}, func(q *pluginv1.WriteBatchRequest) { _, _ = d.WriteBatch(ctx, q) })
		}
		if n := s.outcomes.asked.Len(); n > maxOpen {
			t.Errorf("%d requests are open", n)
		}
	})
}

func try[M proto.Message](b []byte, m M, call func(M)) {
	if proto.Unmarshal(b, m) == nil {
		call(m)
	}
}
