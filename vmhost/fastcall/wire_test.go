package fastcall

import (
	"bytes"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// What is written by hand is what line.proto says, read by the generated code and the other way round.
func TestACallIsWhatTheProtocolSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := header{
			method:  rapid.String().Draw(t, "method"),
			timeout: time.Duration(rapid.Int64Range(0, 3_600_000_000).Draw(t, "micros")) * time.Microsecond,
			trace:   rapid.String().Draw(t, "trace"),
		}
		body := wrapperspb.Bytes(rapid.SliceOf(rapid.Byte()).Draw(t, "body"))
		wire, err := encodeCall([]byte{}, h, body)
		if err != nil {
			t.Fatal(err)
		}
		var read pluginv1.OpenLineRequest
		if err := proto.Unmarshal(wire, &read); err != nil {
			t.Fatal(err)
		}
		c := read.GetCall()
		request, _ := proto.Marshal(body)
		if c.GetMethod() != h.method || c.GetTimeoutMicros() != uint64(h.timeout.Microseconds()) || c.GetTraceparent() != h.trace || !bytes.Equal(c.GetRequest(), request) {
			t.Fatalf("%v", c)
		}
		again, _ := proto.Marshal(&pluginv1.OpenLineResponse{Call: c})
		got, gotRequest, err := decodeCall(again)
		if err != nil || got != h || !bytes.Equal(gotRequest, request) {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

func TestAnAnswerIsWhatTheProtocolSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := wrapperspb.Bytes(rapid.SliceOf(rapid.Byte()).Draw(t, "body"))
		wire, err := encodeResponse(nil, body)
		if err != nil {
			t.Fatal(err)
		}
		var read pluginv1.OpenLineResponse
		response, _ := proto.Marshal(body)
		if err := proto.Unmarshal(wire, &read); err != nil || !bytes.Equal(read.GetAnswer().GetResponse(), response) {
			t.Fatalf("%v, %v", &read, err)
		}
		code, text := rapid.Uint32Range(1, 16).Draw(t, "code"), rapid.String().Draw(t, "message")
		if err := proto.Unmarshal(encodeFailure(nil, status.Error(codes.Code(code), text)), &read); err != nil {
			t.Fatal(err)
		}
		again, _ := proto.Marshal(&pluginv1.OpenLineRequest{Answer: read.GetAnswer()})
		a, err := decodeAnswer(again)
		if err != nil || a.code != codes.Code(code) || a.message != text {
			t.Fatalf("%+v, %v", a, err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	call, _ := encodeCall(nil, header{method: "/a/b", timeout: time.Second, trace: "t"}, wrapperspb.Bytes([]byte("x")))
	f.Add(call)
	f.Add(encodeFailure(nil, status.Error(codes.Internal, "x")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, request, err := decodeCall(b); err == nil && len(request) > len(b) {
			t.Fatal("more than there was")
		}
		if a, err := decodeAnswer(b); err == nil && len(a.body) > len(b) {
			t.Fatal("more than there was")
		}
	})
}
