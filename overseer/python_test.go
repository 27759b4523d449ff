package overseer_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
)

// python is Debian's, whose packages the test needs.
const python = "/usr/bin/python3"

// stubs generates the modules that the example imports, as docs/attach.md says.
func stubs(t *testing.T) string {
	t.Helper()
	protoc, err := exec.LookPath("protoc")
	if err == nil {
		err = exec.Command(python, "-c",
			"import grpc, google.protobuf; open('/usr/include/google/protobuf/descriptor.proto')").Run()
	}
	if err != nil {
		t.Skipf("%s has no gRPC, or there is no protoc (%v): apt-get install python3-grpcio python3-protobuf protobuf-compiler libprotobuf-dev", python, err)
	}
	var protos []string
	for _, pattern := range []string{"../proto/reeve/*/v1/*.proto", "../proto/reeve/*/*/v1/*.proto"} {
		some, err := filepath.Glob(pattern)
		if err != nil || len(some) == 0 {
			t.Fatal(pattern, err)
		}
		protos = append(protos, some...)
	}
	dir := t.TempDir()
	if out, err := exec.Command(protoc, append([]string{"-I../proto", "-I/usr/include", "--python_out=" + dir},
		protos...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// Any gRPC client can attach: here it is sixty lines of Python.
func TestASubsystemInPythonAnswers(t *testing.T) {
	t.Parallel()
	modules := stubs(t)
	overEveryCarrier(t, func(t *testing.T, over carriers) {
		b := startBusOver(t, over, overseer.Config{Epoch: 1,
			Token: func(string) ([]byte, error) { return []byte("a secret"), nil }})
		cmd := exec.Command(python, "../deploy/examples/python/attach.py")
		cmd.Env = append(os.Environ(), "PYTHONPATH="+modules, "REEVE_BUS=unix:"+b.addr, "REEVE_TOKEN=a secret")
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		defer func() {
			if t.Failed() {
				t.Log(said.String())
			}
		}()

		ready := make(chan *subsystem.Sub, 1)
		b.token = []byte("a secret")
		b.run(subsystem.Spec{
			Name: "bitfield-signing",
			Asks: []proto.Message{&availabilitystorev1.QueryDataAvailability{}, &availabilitystorev1.StoreChunk{},
				&availabilitystorev1.QueryPoV{}},
			New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
				ready <- sub
				return funcs{handle: func(m *subsystem.Message) { m.Unknown() }}, nil
			},
		})
		sub := <-ready
		c := bytes.Repeat([]byte{7}, 32)
		if a, err := askAndWait[*availabilitystorev1.QueryDataAvailabilityResponse](sub,
			&availabilitystorev1.QueryDataAvailability{Candidate: c}); err != nil || a.Available {
			t.Errorf("%v, %v", a, err)
		}
		if _, err := askAndWait[*availabilitystorev1.StoreChunkResponse](sub,
			&availabilitystorev1.StoreChunk{Candidate: c}); err != nil {
			t.Error(err)
		}
		if a, err := askAndWait[*availabilitystorev1.QueryDataAvailabilityResponse](sub,
			&availabilitystorev1.QueryDataAvailability{Candidate: c}); err != nil || !a.Available {
			t.Errorf("%v, %v", a, err)
		}
		if _, err := askAndWait[*availabilitystorev1.QueryPoVResponse](sub,
			&availabilitystorev1.QueryPoV{}); subsystem.CodeOf(err) != subsystem.Unimplemented {
			t.Errorf("%v", err)
		}
	})
}

func askAndWait[R proto.Message](sub *subsystem.Sub, req proto.Message) (resp R, err error) {
	done := make(chan struct{})
	sub.Post(func() {
		subsystem.Ask(sub, req, 20*time.Second, func(r R, e error) {
			resp, err = r, e
			close(done)
		})
	})
	<-done
	return resp, err
}

func TestTheExampleInPythonIsShort(t *testing.T) {
	b, err := os.ReadFile("../deploy/examples/python/attach.py")
	if n := strings.Count(string(b), "\n"); err != nil || n > 60 {
		t.Errorf("%d lines, %v", n, err)
	}
}
