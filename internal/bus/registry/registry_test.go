package registry

import (
	"testing"

	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

func TestTheNodesDirectoryIsConsistent(t *testing.T) {
	d, err := Of((&overseerv1.AllMessages{}).ProtoReflect().Descriptor())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range d.Subsystems() {
		for _, v := range d.Variants(s) {
			if d.At(v.Enum, v.Field) != v || d.Named(string(v.Name)) != v || v.Subsystem != s {
				t.Errorf("%s is found under another name", v.Name)
			}
		}
	}
}

func TestAVariantKnowsItsAnswerAndItsRoute(t *testing.T) {
	d := Node()
	v := d.Of(&overseerv1.WaitForActivation{})
	if v == nil || !v.IsRequest() || v.Subsystem != "overseer" {
		t.Fatalf("%+v", v)
	}
	if _, ok := v.NewResponse().(*overseerv1.WaitForActivationResponse); !ok {
		t.Errorf("answered by %T", v.NewResponse())
	}
	if got := v.RoutingKey(&overseerv1.WaitForActivation{Hash: []byte{7}}); string(got) != "\x07" {
		t.Errorf("routed by %x", got)
	}
	if d.Of(&keystorev1.SignBlockResponse{}) != nil {
		t.Error("an answer is no variant")
	}
}
