pipeline {
  agent { docker { image 'python:3.13' } }
  environment {
    LLMSECRETS_CACHE_DIR = "${WORKSPACE}/.cache/llmsecrets" // stays with the workspace
    PIP_CACHE_DIR = "${WORKSPACE}/.cache/pip"
  }
  stages {
    stage('llmsecrets') {
      steps {
        sh '''
          python3 -m venv .cache/venv
          .cache/venv/bin/pip install --quiet "git+https://github.com/OWNER/llmsecrets@COMMIT" # v0.1.0
        '''
        sh '''
          if [ "$(git rev-parse --is-shallow-repository)" = true ]; then git fetch --quiet --unshallow; fi
          if [ -n "${CHANGE_TARGET:-}" ]; then
            git fetch --quiet origin "+refs/heads/$CHANGE_TARGET:refs/remotes/origin/$CHANGE_TARGET"
            set -- --range "refs/remotes/origin/$CHANGE_TARGET..HEAD"
          else
            set -- --history .
          fi
          PATH=$PWD/.cache/venv/bin:$PATH
          llmsecrets scan "$@" -f junit -f text -o llmsecrets.xml
        '''
      }
      post { always { junit testResults: 'llmsecrets.xml', allowEmptyResults: true } }
    }
  }
}
