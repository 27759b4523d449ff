package vmhost

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// clients are a plugin's services.
type clients struct {
	vm      pluginv1.VMServiceClient
	sync    pluginv1.StateSyncServiceClient
	runtime pluginv1.ParachainRuntimeServiceClient
}

func clientsOf(conn grpc.ClientConnInterface) clients {
	return clients{
		vm:      pluginv1.NewVMServiceClient(conn),
		sync:    pluginv1.NewStateSyncServiceClient(conn),
		runtime: pluginv1.NewParachainRuntimeServiceClient(conn),
	}
}

// method is a method of one of the plugin's services, as the interface of its client has it.
type method[C any, Q, R proto.Message] func(c C, ctx context.Context, request Q, options ...grpc.CallOption) (R, error)

// lacks tells whether the running VM is without a capability. Without a VM the call waits like any other.
func (l *life) lacks(capability string) bool {
	return l.gen != nil && !slices.Contains(l.gen.about.GetCapabilities(), capability)
}

func unimplemented(capability string) *pluginv1.Error {
	return vmsdk.ErrorToProto(&vmsdk.UnimplementedError{What: capability})
}
