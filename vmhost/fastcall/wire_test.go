package fastcall

import (
	"bytes"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// What is written by hand is what fastcall.proto says, read by the generated code and the other way round.
func TestACallIsWhatTheProtocolSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &pluginv1.FastCall{
			Method:        rapid.String().Draw(t, "method"),
			TimeoutMicros: rapid.Uint64().Draw(t, "micros"),
			Traceparent:   rapid.String().Draw(t, "trace"),
		}
		body := wrapperspb.Bytes(rapid.SliceOf(rapid.Byte()).Draw(t, "body"))
		wire, err := encodeCall([]byte{}, h, body)
		if err != nil {
			t.Fatal(err)
		}
		var read pluginv1.OpenChannelRequest
		if err := proto.Unmarshal(wire, &read); err != nil {
			t.Fatal(err)
		}
		c := read.GetCall()
		request, _ := proto.Marshal(body)
		h.Request = request
		if !proto.Equal(c, h) {
			t.Fatalf("%v, not %v", c, h)
		}
		again, _ := proto.Marshal(&pluginv1.OpenChannelResponse{Call: c})
		var got pluginv1.FastCall
		if err := decodeCall(again, &got); err != nil || !proto.Equal(&got, h) {
			t.Fatalf("%v, %v", &got, err)
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
		var read pluginv1.OpenChannelResponse
		response, _ := proto.Marshal(body)
		if err := proto.Unmarshal(wire, &read); err != nil || !bytes.Equal(read.GetAnswer().GetResponse(), response) {
			t.Fatalf("%v, %v", &read, err)
		}
		code, text := rapid.Uint32Range(1, 16).Draw(t, "code"), rapid.String().Draw(t, "message")
		if err := proto.Unmarshal(encodeFailure(nil, status.Error(codes.Code(code), text)), &read); err != nil {
			t.Fatal(err)
		}
		again, _ := proto.Marshal(&pluginv1.OpenChannelRequest{Answer: read.GetAnswer()})
		var a pluginv1.FastAnswer
		if err := decodeAnswer(again, &a); err != nil || a.GetCode() != code || a.GetMessage() != text {
			t.Fatalf("%v, %v", &a, err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	call, _ := encodeCall(nil, &pluginv1.FastCall{Method: "/a/b", TimeoutMicros: 1, Traceparent: "t"},
		wrapperspb.Bytes([]byte("x")))
	f.Add(call)
	f.Add(encodeFailure(nil, status.Error(codes.Internal, "x")))
	f.Fuzz(func(t *testing.T, b []byte) {
		var call pluginv1.FastCall
		if err := decodeCall(b, &call); err == nil && len(call.GetRequest()) > len(b) {
			t.Fatal("more than there was")
		}
		var answer pluginv1.FastAnswer
		if err := decodeAnswer(b, &answer); err == nil && len(answer.GetResponse()) > len(b) {
			t.Fatal("more than there was")
		}
	})
}
