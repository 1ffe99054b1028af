package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const region = "us-east-1"

var signer = v4.NewSigner()

// call makes a signed call of the ECR API, whose answer must be 200 or, where
// a repeated call finds its work done, 400.
func (c *conn) call(s *server, operation string, input any) (answer, error) {
	body, err := json.Marshal(input)
	if err != nil {
		return answer{}, err
	}
	header, err := sign(s, operation, body)
	if err != nil {
		return answer{}, err
	}
	a, err := c.do("POST", "/", header, body)
	if err == nil {
		err = a.want(200)
	}
	if err != nil {
		return a, fmt.Errorf("%s: %w", operation, err)
	}
	return a, nil
}

// sign returns the header lines of a signed call.
func sign(s *server, operation string, body []byte) (string, error) {
	request, err := http.NewRequest(http.MethodPost, "http://"+s.address+"/", nil)
	if err != nil {
		return "", err
	}
	request.ContentLength = int64(len(body))
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921."+operation)
	sum := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	if err := signer.SignHTTP(context.Background(), credentials, request, hex.EncodeToString(sum[:]), "ecr", region, time.Now()); err != nil {
		return "", err
	}
	var lines strings.Builder
	for name, values := range request.Header {
		lines.WriteString(name + ": " + values[0] + "\r\n")
	}
	return lines.String(), nil
}

// logIn gets a login token and makes the repositories of the scenarios.
func logIn(s *server) (authorization string, err error) {
	c, err := dial(s)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.keep = true
	a, err := c.call(s, "GetAuthorizationToken", struct{}{})
	if err != nil {
		return "", err
	}
	var token struct {
		AuthorizationData []struct {
			AuthorizationToken string `json:"authorizationToken"`
		} `json:"authorizationData"`
	}
	if err := json.Unmarshal(a.body, &token); err != nil {
		return "", err
	}
	return "Basic " + token.AuthorizationData[0].AuthorizationToken, nil
}

// ensureRepository makes a repository where one has to exist before a push.
func (s *server) ensureRepository(name string) error {
	if !s.speaks(ecrAPI) {
		return nil
	}
	c, err := dial(s)
	if err != nil {
		return err
	}
	defer c.Close()
	a, err := c.call(s, "CreateRepository", map[string]any{"repositoryName": name})
	if a.status == 400 && strings.Contains(string(a.body), "RepositoryAlreadyExistsException") {
		return nil
	}
	return err
}
