package carrier

import (
	"context"

	"github.com/reevenet/reeve/internal/bus/grpcstream"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

const method = overseerv1.OverseerService_Attach_FullMethodName

type fast struct{ *grpcstream.Stream }

func (f fast) Send(b *wire.Batch) error {
	err := f.Stream.Send(b.Bytes)
	empty(b)
	return err
}

func (f fast) Recv(b *wire.Batch) (err error) {
	b.Bytes, err = f.RecvInto(b.Bytes)
	return err
}

func (f fast) Close() { _ = f.Stream.Close() }

// trying is a fast stream on a socket that can be written to without waiting.
type trying struct{ fast }

func (t trying) TrySend(b *wire.Batch) (bool, error) {
	sent, err := t.Stream.TrySend(b.Bytes)
	if sent {
		empty(b)
	}
	return sent, err
}

func dialFast(ctx context.Context, address string) (ClientStream, error) {
	s, err := grpcstream.Client{Target: address, Path: method, MaxMessage: grpcx.MaxMessage}.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return fast{s}, nil
}

func fastServer(cfg grpcx.Server, handle func(Stream) error) *grpcstream.Server {
	return &grpcstream.Server{
		Path: method, MaxFirst: MaxHello, MaxMessage: grpcx.MaxMessage,
		Creds: cfg.Creds, Around: cfg.StreamInterceptor(), Log: cfg.Log,
		Handle: func(s *grpcstream.Stream) error {
			if s.Tries() {
				return handle(trying{fast{s}})
			}
			return handle(fast{s})
		},
	}
}
