using System;
using System.Collections;
using UnityEngine;
using UnityEngine.SceneManagement;

namespace Spark.Platformer2D
{
    /// <summary>Keeps the score of one level: coins, lives, the checkpoint, and whether it is won or lost.</summary>
    [DefaultExecutionOrder(-100)]
    public sealed class GameManager : MonoBehaviour
    {
        [SerializeField] private PlayerController2D player;
        [SerializeField] private CameraFollow2D cameraFollow;
        [SerializeField, Min(1)] private int startLives = 3;
        [SerializeField, Min(0f)] private float respawnSeconds = 0.6f;
        [SerializeField] private float killHeight = -6f;

        private WaitForSeconds respawnWait;
        private Vector2 respawnPoint;
        private bool respawning;

        /// <summary>The level being played; null outside of one.</summary>
        public static GameManager Current { get; private set; }

        /// <summary>Coins, lives or the state changed.</summary>
        public event Action Changed;

        public int Coins { get; private set; }
        public int Lives { get; private set; }
        public bool IsWon { get; private set; }
        public bool IsLost => Lives <= 0;

        public void AddCoins(int count)
        {
            Coins += count;
            Changed?.Invoke();
        }

        public void SetCheckpoint(Vector2 position)
        {
            respawnPoint = position;
        }

        public void Win()
        {
            if (IsLost || IsWon) return;
            IsWon = true;
            player.HasControl = false;
            Changed?.Invoke();
        }

        /// <summary>The player is hurt: a life is lost, and the last checkpoint is where it goes on.</summary>
        public void KillPlayer()
        {
            if (respawning || IsWon || IsLost) return;
            Lives--;
            player.HasControl = false;
            Changed?.Invoke();
            if (!IsLost) StartCoroutine(Respawn());
        }

        public void Restart()
        {
            SceneManager.LoadScene(SceneManager.GetActiveScene().buildIndex);
        }

        private void Awake()
        {
            Current = this;
            Lives = startLives;
            respawnWait = new WaitForSeconds(respawnSeconds);
            respawnPoint = player.transform.position;
        }

        private void OnDestroy()
        {
            if (Current == this) Current = null;
        }

        private void Update()
        {
            if (player.transform.position.y < killHeight) KillPlayer();
            if ((IsWon || IsLost) && Input.GetButtonDown("Submit")) Restart();
        }

        private IEnumerator Respawn()
        {
            respawning = true;
            yield return respawnWait;
            player.Teleport(respawnPoint);
            player.HasControl = true;
            if (cameraFollow != null) cameraFollow.SnapToTarget();
            respawning = false;
        }
    }
}
