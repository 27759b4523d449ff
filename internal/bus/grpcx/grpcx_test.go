package grpcx

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

type panicking struct {
	healthpb.UnimplementedHealthServer
}

func (panicking) Check(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	panic("secret inside")
}

func serve(t *testing.T, s Server, also func(*grpc.Server)) *grpc.ClientConn {
	t.Helper()
	srv, _ := s.New()
	if also != nil {
		also(srv)
	}
	path := filepath.Join(t.TempDir(), "s.sock")
	lis, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(lis) }()
	t.Cleanup(srv.Stop)
	conn, err := Client{}.Dial("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestEveryServerAnswersHealth(t *testing.T) {
	resp, err := healthpb.NewHealthClient(serve(t, Server{}, nil)).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil || resp.Status != healthpb.HealthCheckResponse_SERVING {
		t.Fatal(resp, err)
	}
}

func TestAPanicSaysNothingOfOurInsides(t *testing.T) {
	desc := healthpb.Health_ServiceDesc
	desc.ServiceName = "test.Panicking"
	conn := serve(t, Server{}, func(s *grpc.Server) { s.RegisterService(&desc, panicking{}) })
	var answer healthpb.HealthCheckResponse
	err := conn.Invoke(t.Context(), "/test.Panicking/Check", &healthpb.HealthCheckRequest{}, &answer)
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "secret") {
		t.Fatal(err)
	}
}

func TestAuthRefuses(t *testing.T) {
	conn := serve(t, Server{Auth: func(context.Context) (context.Context, error) {
		return nil, status.Error(codes.Unauthenticated, "who are you")
	}}, nil)
	_, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if status.Code(err) != codes.Unauthenticated {
		t.Fatal(err)
	}
}
