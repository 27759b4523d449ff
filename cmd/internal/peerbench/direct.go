package main

import (
	"context"
	"io"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Direct grpc-go, no broker between: what two processes pay that call each other. Both ends keep every default.
// The service is described by hand because its only message is a protobuf wrapper that already exists.

const (
	askMethod   = "/peerbench.Answerer/Ask"
	floodMethod = "/peerbench.Answerer/Flood"
)

var (
	answererService = grpc.ServiceDesc{
		ServiceName: "peerbench.Answerer",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Ask", Handler: onAsk}},
		Streams:     []grpc.StreamDesc{floodStream},
	}
	floodStream = grpc.StreamDesc{StreamName: "Flood", Handler: onFlood, ClientStreams: true}
)

func onAsk(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	payload := new(wrapperspb.BytesValue)
	if err := decode(payload); err != nil {
		return nil, err
	}
	return payload, nil
}

func onFlood(_ any, stream grpc.ServerStream) error {
	var count uint64
	for {
		switch err := stream.RecvMsg(new(wrapperspb.BytesValue)); err {
		case nil:
			count++
		case io.EOF:
			return stream.SendMsg(wrapperspb.UInt64(count))
		default:
			return err
		}
	}
}

func answerGRPC(address string, ready func(string), done <-chan struct{}) error {
	listener, err := net.Listen("unix", address)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	server.RegisterService(&answererService, struct{}{})
	go func() {
		<-done
		server.Stop()
	}()
	ready(address)
	return server.Serve(listener)
}

type grpcClient struct{ conn *grpc.ClientConn }

func connectGRPC(address string) (client, error) {
	conn, err := grpc.NewClient("unix://"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &grpcClient{conn}, nil
}

func (c *grpcClient) Ask(payload []byte) error {
	var echo wrapperspb.BytesValue
	err := c.conn.Invoke(context.Background(), askMethod, &wrapperspb.BytesValue{Value: payload}, &echo)
	return sameLength(echo.GetValue(), payload, err)
}

func (c *grpcClient) Flood(payload []byte, n int) error {
	stream, err := c.conn.NewStream(context.Background(), &floodStream, floodMethod)
	if err != nil {
		return err
	}
	for range n {
		if err := stream.SendMsg(&wrapperspb.BytesValue{Value: payload}); err != nil {
			return err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	var count wrapperspb.UInt64Value
	if err := stream.RecvMsg(&count); err != nil {
		return err
	}
	return sameCount(count.GetValue(), n)
}

func (c *grpcClient) Close() { c.conn.Close() }
