using System;
using UnityEngine;
using UnityEngine.SceneManagement;

namespace Spark.TopDownAction
{
    /// <summary>Knows how the fight stands: won when every wave is beaten, lost when the player falls.</summary>
    public sealed class GameManager : MonoBehaviour
    {
        [SerializeField] private PlayerMovement player;
        [SerializeField] private Health playerHealth;
        [SerializeField] private EnemySpawner spawner;

        /// <summary>Something the player should see changed.</summary>
        public event Action Changed;

        public Health PlayerHealth => playerHealth;
        public EnemySpawner Spawner => spawner;
        public bool IsWon => spawner.IsCleared;
        public bool IsLost => !playerHealth.IsAlive;

        private void OnEnable()
        {
            playerHealth.Changed += OnHealthChanged;
            spawner.Changed += OnChanged;
        }

        private void OnDisable()
        {
            playerHealth.Changed -= OnHealthChanged;
            spawner.Changed -= OnChanged;
        }

        private void Update()
        {
            if ((IsWon || IsLost) && Input.GetButtonDown("Submit"))
                SceneManager.LoadScene(SceneManager.GetActiveScene().buildIndex);
        }

        private void OnHealthChanged(Health changed)
        {
            OnChanged();
        }

        private void OnChanged()
        {
            player.HasControl = !IsWon && !IsLost;
            Changed?.Invoke();
        }
    }
}
