package fastcall

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/grpcstream"
	"github.com/reevenet/reeve/internal/bus/intercept"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// Dialer opens channels to a host: the plugin's side.
type Dialer struct {
	// Target is the host's socket, "unix:/path".
	Target string
	// Token is what the host has given the plugin.
	Token string
	// Around stands around the plugin's calls.
	Around intercept.Chain
}

// Ask opens a channel on which the plugin calls.
func (d Dialer) Ask(ctx context.Context) (*Channel, error) {
	stream, err := d.open(ctx, pluginv1.ChannelUse_CHANNEL_USE_HOST)
	if err != nil {
		return nil, err
	}
	return newChannel(stream, d.Around), nil
}

// Answer opens a channel on which the host calls, and answers in the background until ctx or the channel ends.
func (d Dialer) Answer(ctx context.Context, use pluginv1.ChannelUse, services *Services) error {
	stream, err := d.open(ctx, use)
	if err != nil {
		return err
	}
	go func() {
		defer stream.Close()
		_ = services.answer(stream) // the host finds out by its call
	}()
	return nil
}

// open waits for the host's consent, after which both sides know each other's limits.
func (d Dialer) open(ctx context.Context, use pluginv1.ChannelUse) (*grpcstream.Stream, error) {
	stream, err := grpcstream.Client{Target: d.Target, Path: path, MaxMessage: maxMessage}.Dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("a channel to the host: %w", err)
	}
	hello, err := proto.Marshal(&pluginv1.OpenChannelRequest{Token: d.Token, Use: use})
	if err == nil {
		err = stream.Send(hello)
	}
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		stream.Close()
		return nil, fmt.Errorf("a channel to the host: %w", err)
	}
	return stream, nil
}
