package inproc_test

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/inproc"
)

// service answers with what it was asked, and keeps both messages.
type service struct {
	pluginv1.UnimplementedDatabaseServiceServer
	asked    *pluginv1.GetBatchRequest
	answered *pluginv1.GetBatchResponse
}

func (s *service) GetBatch(_ context.Context, r *pluginv1.GetBatchRequest) (*pluginv1.GetBatchResponse, error) {
	s.asked = r
	s.answered = &pluginv1.GetBatchResponse{Values: []*pluginv1.Value{{Found: true, Value: []byte("value")}}}
	return s.answered, nil
}

func connect() (*service, *inproc.Conn, pluginv1.DatabaseServiceClient) {
	s, conn := &service{}, inproc.New()
	pluginv1.RegisterDatabaseServiceServer(conn, s)
	return s, conn, pluginv1.NewDatabaseServiceClient(conn)
}

func TestNeitherSideSeesTheOthersMessages(t *testing.T) {
	s, _, client := connect()
	request := &pluginv1.GetBatchRequest{Keys: [][]byte{[]byte("key")}}
	answer, err := client.GetBatch(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	s.asked.Keys[0][0], s.answered.Values[0].Value[0] = 'X', 'X'
	if string(request.Keys[0]) != "key" || string(answer.GetValues()[0].GetValue()) != "value" {
		t.Errorf("changed from the other side: %s, %s", request.Keys[0], answer.GetValues()[0].GetValue())
	}
}

func TestErrorsAreThoseOfAConnection(t *testing.T) {
	_, conn, client := connect()
	if _, err := client.Scan(t.Context(), &pluginv1.ScanRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("a method that the service doesn't have: %v", err)
	}
	if _, err := pluginv1.NewVMServiceClient(conn).Ping(t.Context(),
		&pluginv1.PingRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("a service that isn't there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.GetBatch(ctx, &pluginv1.GetBatchRequest{}); status.Code(err) != codes.Canceled {
		t.Errorf("a cancelled call: %v", err)
	}
	conn.Break(errors.New("the process has ended"))
	if _, err := client.GetBatch(t.Context(), &pluginv1.GetBatchRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("after the end: %v", err)
	}
}
