package protocheck

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
)

func TestVariantsAreNamedAfterTheirMessage(t *testing.T) {
	eachVariant(t, func(t *testing.T, field protoreflect.FieldDescriptor, _ *optionsv1.Variant) {
		if plain := strings.ReplaceAll(string(field.Name()), "_", ""); !strings.EqualFold(plain,
			callOf(field.Message())) {
			t.Errorf("the field %s holds a %s", field.Name(), field.Message().Name())
		}
		if subsystemOf(field.Message().ParentFile().Package()) != subsystemOf(field.ParentFile().Package()) {
			t.Errorf("%s belongs to another subsystem", field.Message().FullName())
		}
	})
}

// callOf is a variant's name; that of the rpc for a variant which is also the request of a gRPC service.
func callOf(m protoreflect.MessageDescriptor) string {
	if rpc := rpcOf(m); rpc != nil {
		return string(rpc.Name())
	}
	return string(m.Name())
}

// rpcOf is the rpc that takes the message; nil if none does.
func rpcOf(m protoreflect.MessageDescriptor) (rpc protoreflect.MethodDescriptor) {
	protoregistry.GlobalFiles.RangeFilesByPackage(m.ParentFile().Package(), func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			for methods, j := f.Services().Get(i).Methods(), 0; j < methods.Len(); j++ {
				if methods.Get(j).Input() == m {
					rpc = methods.Get(j)
				}
			}
		}
		return rpc == nil
	})
	return rpc
}

func TestVariantsHaveALane(t *testing.T) {
	eachVariant(t, func(t *testing.T, _ protoreflect.FieldDescriptor, v *optionsv1.Variant) {
		switch v.GetLane() {
		case optionsv1.Lane_LANE_UNSPECIFIED:
			t.Error("no lane")
		case optionsv1.Lane_LANE_SIGNAL:
			t.Error("the signal lane is the overseer's own")
		}
	})
}

// verdicts are answers of a gRPC service to what is one-way on the bus, where they become a message of their own.
var verdicts = map[string]string{"AppGossipResponse": "InvalidAppGossip"}

func TestRequestsHaveAnAnswerOfTheirOwn(t *testing.T) {
	eachVariant(t, func(t *testing.T, field protoreflect.FieldDescriptor, v *optionsv1.Variant) {
		own := callOf(field.Message()) + "Response"
		answer, _ := protoregistry.GlobalFiles.FindDescriptorByName(field.Message().FullName().Parent().Append(protoreflect.Name(own)))
		exists := answer != nil
		// Whoever sends a one-way variant hears nothing; a gRPC service that takes it too acknowledges with nothing.
		acknowledged := rpcOf(field.Message()) != nil && exists &&
			(answer.(protoreflect.MessageDescriptor).Fields().Len() == 0 || verdicts[own] != "")
		switch {
		case v.GetResponse() != "" && v.GetResponse() != own:
			t.Errorf("the answer is called %s, not %s", own, v.GetResponse())
		case v.GetResponse() != "" && !exists:
			t.Errorf("there is no message %s in its package", own)
		case v.GetResponse() == "" && exists && !acknowledged:
			t.Errorf("%s exists, but the option doesn't name it", own)
		case v.GetResponse() == "" && (v.GetStream() || v.GetRetrySafe()):
			t.Error("stream and retry_safe are for requests")
		}
	})
}

func TestRoutingKeysAreBytes(t *testing.T) {
	eachVariant(t, func(t *testing.T, field protoreflect.FieldDescriptor, v *optionsv1.Variant) {
		if v.GetRoutingKey() == "" {
			return
		}
		if err := resolve(field.Message(), strings.Split(v.GetRoutingKey(), ".")); err != nil {
			t.Errorf("routing_key %q: %v", v.GetRoutingKey(), err)
		}
	})
}

func TestABadRoutingKeyIsFound(t *testing.T) {
	validate := new(candidatevalidationv1.Validate).ProtoReflect().Descriptor()
	for path, good := range map[string]bool{
		"receipt.descriptor.relay_parent": true,
		"receipt.descriptor.para":         false,
		"receipt.descriptor":              false,
		"receipt.relay_parent":            false,
		"validation_code.hash.first":      false,
	} {
		if err := resolve(validate, strings.Split(path, ".")); (err == nil) != good {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestWhatHasAContextIsRoutedByIt(t *testing.T) {
	eachVariant(t, func(t *testing.T, field protoreflect.FieldDescriptor, v *optionsv1.Variant) {
		for _, name := range []protoreflect.Name{"relay_parent", "candidate"} {
			if field.Message().Fields().ByName(name) != nil && v.GetRoutingKey() == "" {
				t.Errorf("it has a field %s and no routing_key", name)
			}
		}
	})
}

// resolve follows a path of field names to a single bytes field.
func resolve(m protoreflect.MessageDescriptor, path []string) error {
	field := m.Fields().ByName(protoreflect.Name(path[0]))
	switch {
	case field == nil:
		return fmt.Errorf("%s has no field %s", m.FullName(), path[0])
	case field.IsList():
		return fmt.Errorf("%s is repeated", field.FullName())
	case len(path) > 1 && field.Message() == nil:
		return fmt.Errorf("%s has no fields", field.FullName())
	case len(path) > 1:
		return resolve(field.Message(), path[1:])
	case field.Kind() != protoreflect.BytesKind:
		return fmt.Errorf("%s is a %s", field.FullName(), field.Kind())
	}
	return nil
}

func TestOnlyVariantsSayHowTheyAreCarried(t *testing.T) {
	for name, all := range messages() {
		variants := map[protoreflect.FullName]bool{}
		if enum := enumOf(name, all); enum != nil {
			for i := range enum.Fields().Len() {
				variants[enum.Fields().Get(i).Message().FullName()] = true
			}
		}
		for _, m := range all {
			if carriage(m) != nil && !variants[m.FullName()] {
				t.Errorf("%s says how it is carried, but no enum has it", m.FullName())
			}
		}
	}
}
