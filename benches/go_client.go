// A plain Go client for comparison: one list, then one create at a time. Usage: go_client ORIGIN FILE.env
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func request(method, url string, body io.Reader) {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		panic(err)
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("AMIKA_API_KEY"))
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		panic(err)
	}
	if response.StatusCode >= 300 {
		panic(fmt.Sprint(response.StatusCode))
	}
}

func main() {
	url := os.Args[1] + "/api/v0beta1/secrets"
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		panic(err)
	}
	request("GET", url, nil)
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		name, value, _ := strings.Cut(line, "=")
		body, err := json.Marshal(map[string]string{"name": name, "value": value, "scope": "user"})
		if err != nil {
			panic(err)
		}
		request("POST", url, bytes.NewReader(body))
	}
}
