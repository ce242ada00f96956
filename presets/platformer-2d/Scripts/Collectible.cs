using UnityEngine;

namespace Spark.Platformer2D
{
    /// <summary>A coin: bobs in place and is counted once when the player touches it.</summary>
    [RequireComponent(typeof(CircleCollider2D))]
    public sealed class Collectible : MonoBehaviour
    {
        [SerializeField, Min(1)] private int value = 1;
        [SerializeField, Min(0f)] private float bobHeight = 0.12f;
        [SerializeField, Min(0f)] private float bobsPerSecond = 0.8f;

        private Vector3 home;
        private float phase;
        private bool taken;

        private void Reset()
        {
            GetComponent<CircleCollider2D>().isTrigger = true;
        }

        private void Awake()
        {
            home = transform.position;
            // Neighbours bob one after the other, like a wave.
            phase = home.x * 0.5f;
        }

        private void Update()
        {
            float angle = (Time.time * bobsPerSecond + phase) * Mathf.PI * 2f;
            transform.position = home + Vector3.up * (Mathf.Sin(angle) * bobHeight);
        }

        private void OnTriggerEnter2D(Collider2D other)
        {
            if (taken || !other.TryGetComponent(out PlayerController2D _)) return;
            taken = true;
            GameManager.Current.AddCoins(value);
            gameObject.SetActive(false);
        }
    }
}
