package iamapi

import (
	"context"

	"github.com/nifuda/nifuda/internal/awsiam"
	"github.com/nifuda/nifuda/internal/identity"
)

// Users have no devices, certificates, SSH keys and credentials for other
// services here. Clients such as Terraform ask for them all the same before
// they delete a user.

// mustExist refuses a user that does not exist; an empty name is root's.
func (s *iamService) mustExist(ctx context.Context, account, user string) error {
	if user == "" {
		return nil
	}
	_, err := s.identities.Find(ctx, account, identity.User, user)
	return err
}

// ListMFADevices implements [awsiam.Service].
func (s *iamService) ListMFADevices(ctx context.Context, in *awsiam.ListMFADevicesRequest) (*awsiam.ListMFADevicesResponse, error) {
	account, user, err := s.authorizeOnUser(ctx, "iam:ListMFADevices", in.UserName)
	if err != nil {
		return nil, err
	}
	return &awsiam.ListMFADevicesResponse{MFADevices: []awsiam.MFADevice{}, IsTruncated: truncated("")}, s.mustExist(ctx, account, user)
}

// ListVirtualMFADevices implements [awsiam.Service].
func (s *iamService) ListVirtualMFADevices(ctx context.Context, _ *awsiam.ListVirtualMFADevicesRequest) (*awsiam.ListVirtualMFADevicesResponse, error) {
	if _, err := s.authorizeAtHome(ctx, "iam:ListVirtualMFADevices", "*"); err != nil {
		return nil, err
	}
	return &awsiam.ListVirtualMFADevicesResponse{VirtualMFADevices: []awsiam.VirtualMFADevice{}, IsTruncated: truncated("")}, nil
}

// ListSSHPublicKeys implements [awsiam.Service].
func (s *iamService) ListSSHPublicKeys(ctx context.Context, in *awsiam.ListSSHPublicKeysRequest) (*awsiam.ListSSHPublicKeysResponse, error) {
	account, user, err := s.authorizeOnUser(ctx, "iam:ListSSHPublicKeys", in.UserName)
	if err != nil {
		return nil, err
	}
	return &awsiam.ListSSHPublicKeysResponse{SSHPublicKeys: []awsiam.SSHPublicKeyMetadata{}, IsTruncated: truncated("")}, s.mustExist(ctx, account, user)
}

// ListServiceSpecificCredentials implements [awsiam.Service].
func (s *iamService) ListServiceSpecificCredentials(ctx context.Context, in *awsiam.ListServiceSpecificCredentialsRequest) (*awsiam.ListServiceSpecificCredentialsResponse, error) {
	account, user, err := s.authorizeOnUser(ctx, "iam:ListServiceSpecificCredentials", in.UserName)
	if err != nil {
		return nil, err
	}
	return &awsiam.ListServiceSpecificCredentialsResponse{ServiceSpecificCredentials: []awsiam.ServiceSpecificCredentialMetadata{}}, s.mustExist(ctx, account, user)
}

// ListSigningCertificates implements [awsiam.Service].
func (s *iamService) ListSigningCertificates(ctx context.Context, in *awsiam.ListSigningCertificatesRequest) (*awsiam.ListSigningCertificatesResponse, error) {
	account, user, err := s.authorizeOnUser(ctx, "iam:ListSigningCertificates", in.UserName)
	if err != nil {
		return nil, err
	}
	return &awsiam.ListSigningCertificatesResponse{Certificates: []awsiam.SigningCertificate{}, IsTruncated: truncated("")}, s.mustExist(ctx, account, user)
}
